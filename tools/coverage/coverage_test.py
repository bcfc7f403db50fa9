"""Coverage is counted by folder, over all instances, without what stops the process."""

import tempfile
import unittest
from pathlib import Path

import coverage

ROOT = "/build/tree"


def file_entry(path, count, covered):
    return {"filename": f"{ROOT}/{path}", "summary": {"lines": {"count": count, "covered": covered}}}


def function(path, start, branches, others=()):
    """A function that starts at a line; a branch is (line, taken, not taken, index into the files)."""
    return {"filenames": [f"{ROOT}/{path}", *others], "regions": [[start, 1, start + 5, 2, 1, 0, 0, 0]],
            "branches": [[line, 7, line, 12, taken, not_taken, file, 0, 4] for line, taken, not_taken, file in branches]}


def export(files, functions):
    return {"data": [{"files": files, "functions": functions}]}


class Coverage(unittest.TestCase):
    def tally(self, files, functions):
        return coverage.tally_files(export(files, functions), ROOT)

    def test_lines_and_branches_of_a_file(self):
        tally = self.tally([file_entry("src/io/a.cc", 10, 9)], [function("src/io/a.cc", 1, [(2, 3, 0, 0), (3, 1, 1, 0)])])
        one = tally["src/io/a.cc"]
        self.assertEqual((10, 9, 4, 3), (one.lines, one.lines_covered, one.branches, one.branches_covered))

    def test_instances_of_a_template_add_up(self):
        functions = [function("src/io/a.h", 1, [(2, 3, 0, 0)]), function("src/io/a.h", 1, [(2, 0, 5, 0)])]
        one = self.tally([file_entry("src/io/a.h", 1, 1)], functions)["src/io/a.h"]
        self.assertEqual((2, 2), (one.branches, one.branches_covered))

    def test_two_uses_of_a_macro_are_two_branches(self):
        macro = [f"{ROOT}/include/jade/result.h", f"{ROOT}/include/jade/result.h"]
        functions = [function("src/io/a.cc", 1, [(9, 0, 2, 1), (9, 1, 2, 2)], macro)]
        one = self.tally([file_entry("src/io/a.cc", 1, 1)], functions)["src/io/a.cc"]
        self.assertEqual((4, 3), (one.branches, one.branches_covered))

    def test_a_check_that_stops_the_process_is_not_counted(self):
        functions = [function("src/io/a.cc", 1, [(2, 1, 1, 0), (14, 2, 0, 1)], [f"{ROOT}/src/base/check.h"])]
        one = self.tally([file_entry("src/io/a.cc", 1, 1)], functions)["src/io/a.cc"]
        self.assertEqual((2, 2), (one.branches, one.branches_covered))

    def test_what_the_compiler_writes_is_not_counted(self):
        with tempfile.TemporaryDirectory() as root:
            header = Path(root, "src/io/a.h")
            header.parent.mkdir(parents=True)
            header.write_text("friend bool operator==(A, A) = default;\nint f() {\n}\n", encoding="utf-8")
            functions = [function("src/io/a.h", 1, [(1, 1, 0, 0)]), function("src/io/a.h", 2, [(2, 1, 0, 0)])]
            for entry in functions:
                entry["filenames"] = [str(header)]
            one = coverage.tally_files(export([], functions), root)["src/io/a.h"]
            self.assertEqual((2, 1), (one.branches, one.branches_covered))

    def test_tests_and_other_folders_are_not_counted(self):
        paths = ("src/io/a_test.cc", "src/io/test_bytes.h", "tests/b.cc", "bench/c.cc", "tools/sample/d.cc")
        self.assertEqual({}, dict(self.tally([file_entry(path, 1, 0) for path in paths],
                                             [function(path, 1, [(2, 0, 0, 0)]) for path in paths])))

    def test_floors(self):
        cases = [
            ("core below 95", [file_entry("src/io/a.cc", 100, 94)], ["src/io: 94.00% of lines, at least 95%"]),
            ("core at 95", [file_entry("src/io/a.cc", 100, 95)], []),
            ("edge below 90 pulls the total", [file_entry("src/cli/a.cc", 100, 89)], ["total: 89.00% of lines, at least 90%"]),
            ("edge at 90", [file_entry("src/cli/a.cc", 100, 90)], []),
            ("nothing", [], ["nothing was measured"]),
        ]
        for name, files, expected in cases:
            with self.subTest(name):
                self.assertEqual(expected, coverage.report(self.tally(files, []))[1])

    def test_branch_floor(self):
        functions = [function("src/query/a.cc", 1, [(2, 1, 0, 0)])]
        table, low = coverage.report(self.tally([file_entry("src/query/a.cc", 1, 1)], functions))
        self.assertIn("src/query: 50.00% of branches, at least 95%", low)
        self.assertIn("src/query", table)

    def test_uncovered_places(self):
        data = export([], [function("src/io/a.cc", 1, [(2, 1, 0, 0), (3, 1, 1, 0), (4, 0, 0, 0)])])
        self.assertEqual([2, 4], coverage.uncovered_places(data, ROOT, "src/io/a.cc"))


if __name__ == "__main__":
    unittest.main()
