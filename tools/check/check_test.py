"""Each rule catches a planted violation and passes clean input."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import code_rules  # noqa: E402
import document_rules  # noqa: E402
import layout_rules  # noqa: E402
from repository import Repository, blank_comments_and_strings, table_rows  # noqa: E402

ARCHITECTURE = """# Tree
## Who may include whom
| Folder | Includes, besides itself |
| --- | --- |
| base | include/jade |
| io, simd | base |
| engine | base, io |
"""
SEAMS = """# Seams
## Seams
| File | Kinds | Why |
| --- | --- | --- |
| `src/io/real.cc` | files, time | it is the seam |
"""
DEPENDENCIES = """# Dependencies
## Dependencies
| Package | CMake | Version | Licence | Use | Why |
| --- | --- | --- | --- | --- | --- |
| `libboost1.81-dev` | `Boost` | 1.81 | BSL-1.0 | linked | HTTP |
| `make` | | 4.3 | GPL-3.0 | tool | runs us |
"""
ALL_TASKS = f"| T001–T190 {' '.join(document_rules.BOARD_TASKS)} | everything | nowhere | | planned |\n"
MISSION_HEAD = "| Seeds | Capability | Where | Test | State |\n| --- | --- | --- | --- | --- |\n"


def findings(rule, files):
    """What the rule says of a repository that holds these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return list(rule(Repository(folder)))


class Rules(unittest.TestCase):
    def catches(self, rule, cases, base=None):
        for name, files, expected in cases:
            with self.subTest(name):
                found = findings(rule, {**(base or {}), **files})
                self.assertTrue(any(expected in str(violation) for violation in found),
                                f"wanted '{expected}' in {[str(violation) for violation in found]}")

    def passes(self, rule, cases, base=None):
        for name, files in cases:
            with self.subTest(name):
                self.assertEqual([], [str(violation) for violation in findings(rule, {**(base or {}), **files})])

    def test_includes(self):
        base = {"docs/ARCHITECTURE.md": ARCHITECTURE}
        self.catches(layout_rules.check_includes, [
            ("a folder above", {"src/base/a.h": '#include "io/file.h"\n'}, "src/base/a.h:1: include-table: base may not"),
            ("a sibling", {"src/io/a.cc": '\n#include "simd/dot.h"\n'}, "src/io/a.cc:2"),
            ("no folder", {"src/io/a.cc": '#include "file.h"\n'}, "from the src/ or include/ root"),
            ("an unknown folder", {"src/io/a.cc": '#include "zebra/file.h"\n'}, "in no folder of the table"),
            ("a folder without a row", {"src/zebra/a.cc": "int a;\n"}, "has no row"),
            ("tests", {"src/io/a.cc": '#include "tests/model.h"\n'}, "nothing includes tests/"),
            ("a public header of ours", {"include/jade/a.h": '#include "base/b.h"\n'}, "a public header includes only"),
            ("a public header of others", {"include/jade/a.h": "#include <boost/asio.hpp>\n"}, "a public header"),
        ], base)
        self.catches(layout_rules.check_includes, [("no table", {"src/base/a.h": ""}, "has no table")])
        self.passes(layout_rules.check_includes, [
            ("allowed", {"src/io/a.cc": '#include "io/b.h"\n#include "base/c.h"\n#include "jade/error.h"\n'
                                        "#include <vector>\n#include <boost/asio.hpp>\n"}),
            ("in a comment", {"src/base/a.cc": '// #include "io/file.h"\n/* #include "io/file.h" */\n'}),
            ("public", {"include/jade/a.h": '#include <string>\n#include "jade/b.h"\n'}),
            ("nested", {"src/engine/deep/a.cc": '#include "io/b.h"\n'}),
        ], base)

    def test_headers_listed(self):
        cmake = "jade_library(jade_io SOURCES a.cc HEADERS io/a.h # io/c.h\n jade/x.h DEPS jade_base io/b.h)\n"
        self.catches(layout_rules.check_headers_listed, [
            ("nowhere", {"src/io/z.h": ""}, "src/io/z.h: header-listed"),
            ("only in a comment", {"src/io/c.h": ""}, "src/io/c.h"),
            ("only as a dependency", {"src/io/b.h": ""}, "src/io/b.h"),
        ], {"src/io/CMakeLists.txt": cmake})
        self.passes(layout_rules.check_headers_listed, [("listed", {"src/io/a.h": "", "include/jade/x.h": ""})],
                    {"src/io/CMakeLists.txt": cmake})

    def test_orphans(self):
        base = {"src/io/CMakeLists.txt": 'jade_library(jade_io SOURCES a.cc "${CMAKE_CURRENT_SOURCE_DIR}/b.cc")\n'
                                         "jade_flatbuffers(jade_io log.fbs) # c.cc\n"}
        self.catches(layout_rules.check_orphans, [
            ("source", {"src/io/z.cc": ""}, "src/io/z.cc: orphan"),
            ("commented out", {"src/io/c.cc": ""}, "src/io/c.cc"),
            ("same name elsewhere", {"src/meta/a.cc": ""}, "src/meta/a.cc"),
            ("schema", {"src/io/z.fbs": ""}, "src/io/z.fbs"),
            ("test, benchmark, example, tool", {"bench/a.cc": ""}, "bench/a.cc"),
        ], base)
        self.passes(layout_rules.check_orphans, [
            ("named", {"src/io/a.cc": "", "src/io/b.cc": "", "src/io/log.fbs": ""}),
            ("named from above", {"tests/CMakeLists.txt": "add_executable(x crash/kill.cc)", "tests/crash/kill.cc": ""}),
        ], base)

    def test_names(self):
        self.catches(layout_rules.check_names, [
            ("upper case", {"src/io/FileSystem.cc": ""}, "not snake_case"),
            ("dash", {"tools/x/run-it.sh": ""}, "not snake_case"),
            ("folder", {"src/ioStuff/a.cc": ""}, "not snake_case"),
            ("vague file", {"src/io/file_utils.h": ""}, "'utils' says nothing"),
            ("vague folder", {"src/common/a.h": ""}, "'common' says nothing"),
        ])
        self.passes(layout_rules.check_names, [
            ("plain", {"src/io/file_system.cc": "", "tests/__init__.py": "", "docs/ARCHITECTURE.md": ""}),
        ])

    def test_size(self):
        self.catches(layout_rules.check_size, [("long", {"src/io/a.cc": "\n" * 801}, "801 lines")])
        self.passes(layout_rules.check_size, [("full", {"src/io/a.cc": "\n" * 800, "docs/a.md": "\n" * 900})])

    def test_seams(self):
        planted = {
            "open": "int f = ::open(path, 0);", "open with flags": "int f = open(path, O_RDONLY);",
            "write": "if (::write(f, b, n) < 0) return;", "stream": "std::ofstream out(path);",
            "fopen": "auto* f = fopen(path, mode);", "filesystem": "std::filesystem::exists(p);",
            "header": "#include <fcntl.h>", "sync": "fsync(f);", "rename": "std::rename(a, b);", "map": "::mmap(0, n);",
            "time": "auto t = time(nullptr);", "std time": "std::time(0);", "now": "std::chrono::steady_clock::now();",
            "kernel time": "clock_gettime(CLOCK_REALTIME, &t);", "rand": "int r = rand();", "seed": "std::srand(1);",
            "device": "std::random_device d;", "twister": "std::mt19937_64 g(1);",
            "thread": "std::thread t(f);", "jthread": "std::jthread t(f);", "async": "auto x = std::async(f);",
            "pthread": "pthread_create(&t, 0, f, 0);", "sleep": "std::this_thread::sleep_for(1s);",
            "system": "#include <unistd.h>", "socket": "int s = ::socket(AF_INET, SOCK_STREAM, 0);",
        }
        real = "#include <fcntl.h>\nint f = ::open(p, 0); auto t = ::time(nullptr);\n"
        base = {"docs/reference/seams.md": SEAMS, "src/io/real.cc": real}
        self.catches(code_rules.check_seams, [
            *((name, {"src/io/a.cc": f"void g() {{\n{line}\n}}\n"}, "src/io/a.cc:2: seam") for name, line in planted.items()),
            ("another kind in a seam", {"src/io/real.cc": "int r = rand();\n"}, "src/io/real.cc:1"),
            ("randomness in a test", {"src/io/a_test.cc": "std::mt19937 g;\n"}, "(random)"),
        ], base)
        self.catches(code_rules.check_seams, [
            ("a kind no longer used", {"docs/reference/seams.md": SEAMS, "src/io/real.cc": "::open(p, 0);\n"}, "no longer uses time"),
            ("a seam that is gone", {"docs/reference/seams.md": SEAMS}, "does not exist"),
            ("an unknown kind", {"docs/reference/seams.md": SEAMS.replace("time", "tea"), "src/io/real.cc": ""}, "'tea'"),
        ])
        self.passes(code_rules.check_seams, [
            ("the seam", {}),
            ("a comment and a string", {"src/io/a.cc": '// rand() and std::thread\nauto s = "::open(";\n'}),
            ("our own functions", {"src/io/a.cc": "fs.open(path); file->write(b); Result<int> open(int x);\n"
                                                  "log::open(p); runtime(x); operand(1); clock.steady_now();\n"}),
            ("files in a test", {"src/io/a_test.cc": "#include <thread>\nstd::jthread t; ::open(p, 0);\n"}),
        ], base)

    def test_todos(self):
        self.catches(code_rules.check_todos, [
            ("bare", {"src/io/a.cc": "// TODO: later\n"}, "names what would close it"),
            ("empty", {"src/io/a.cc": "// TODO(): later\n"}, "names what would close it"),
            ("fixme", {"tools/x/a.py": "# FIXME\n"}, "write TODO"),
        ])
        self.passes(code_rules.check_todos, [
            ("closable", {"src/io/a.cc": "// TODO(segments are on disk): drop the copy.\nint TODOS;\n"})])

    def test_skips(self):
        self.catches(code_rules.check_skips, [
            ("no reason", {"src/io/a_test.cc": "  GTEST_SKIP();\n"}, "say why"),
            ("empty reason", {"src/io/a_test.cc": '  GTEST_SKIP() << "";\n'}, "say why"),
            ("disabled", {"src/io/a_test.cc": "TEST(A, DISABLED_B) {}\n"}, "why the test is disabled"),
            ("python", {"tests/a_test.py": "    @unittest.skip\n"}, "say why"),
        ])
        self.passes(code_rules.check_skips, [
            ("reason", {"src/io/a_test.cc": '  GTEST_SKIP() << "this machine has no AVX-512";\n'}),
            ("comment", {"src/io/a_test.cc": "// Needs a second disk: issue 12.\nTEST(A, DISABLED_B) {}\n"}),
        ])

    def test_links(self):
        self.catches(document_rules.check_links, [
            ("gone", {"docs/a.md": "\nsee [b](b.md)\n"}, "docs/a.md:2: link: b.md"),
            ("outside", {"a.md": "[b](../b.md)\n"}, "../b.md"),
        ])
        self.passes(document_rules.check_links, [
            ("there", {"docs/a.md": "[b](../b.md#part) [c](https://example.org) [d](#here) [e](sub)\n", "b.md": "",
                       "docs/sub/x.md": ""}),
            ("code", {"a.md": "`[x](y.md)`\n```\n[x](y.md)\n```\n"}),
        ])

    def test_decisions(self):
        index = {"docs/adr/README.md": "[1](0001-a.md)\n"}
        self.catches(document_rules.check_decisions, [("unlisted", {"docs/adr/0002-b.md": ""}, "0002-b.md: decision")], index)
        self.passes(document_rules.check_decisions, [("listed", {"docs/adr/0001-a.md": ""})], index)

    def test_machine_paths(self):
        self.catches(document_rules.check_machine_paths, [
            ("home", {"a.sh": "cd /ho" + "me/ann/src\n"}, "machine-path"),
            ("root", {"README.md": "run /ro" + "ot/x\n"}, "machine-path"),
        ])
        self.passes(document_rules.check_machine_paths, [
            ("relative and system", {"a.sh": 'cd "$HOME/x"; ls /usr/lib /tmp; cat docs/home/x ./work/y\n'})])

    def test_addresses(self):
        self.catches(document_rules.check_addresses, [
            ("script", {"a.sh": "curl https" + "://files.invalid/x.tgz\n"}, "by package name"),
            ("make", {"Makefile": "x:\n\twget http" + "://files.invalid/x\n"}, "by package name"),
        ])
        self.passes(document_rules.check_addresses, [
            ("loopback", {"a.sh": 'curl "http://127.0.0.1:8080/health" "http://$LISTEN/"\n', "README.md": "https://x.y\n"})])

    def test_dependencies(self):
        base = {"docs/reference/dependencies.md": DEPENDENCIES}
        self.catches(document_rules.check_dependencies, [
            ("unlisted library", {"cmake/D.cmake": "find_package(Zebra REQUIRED)\n"}, "'Zebra' has no row"),
            ("unlisted pkg-config", {"cmake/D.cmake": "pkg_check_modules(Z REQUIRED IMPORTED_TARGET libz>=1)\n"}, "'libz'"),
            ("unlisted package", {"tools/setup/install_packages.sh": '  [build]="make zebra\n    libboost1.81-dev"\n'},
             "zebra has no row"),
        ], base)
        row = "| `zebra` | | {} | {} | {} | stripes |\n"
        self.catches(document_rules.check_dependencies, [
            ("copyleft", {"docs/reference/dependencies.md": DEPENDENCIES + row.format("1", "LGPL-2.1", "linked")}, "copyleft"),
            ("copyleft test", {"docs/reference/dependencies.md": DEPENDENCIES + row.format("1", "MPL-2.0", "test")}, "copyleft"),
            ("no licence", {"docs/reference/dependencies.md": DEPENDENCIES + row.format("1", "", "linked")}, "lacks"),
            ("no use", {"docs/reference/dependencies.md": DEPENDENCIES + row.format("1", "MIT", "fun")}, "'fun'"),
        ])
        self.passes(document_rules.check_dependencies, [
            ("listed", {"cmake/D.cmake": "find_package(Boost 1.81)\nfind_package(Threads) # find_package(Zebra)\n"}),
            ("accepted copyleft", {
                "docs/reference/dependencies.md": DEPENDENCIES + row.format("1", "LGPL-2.1", "linked"),
                "docs/adr/0007-copyleft.md": "## Accepted\n| Package | Why |\n| --- | --- |\n| `zebra` | dynamic |\n"}),
        ], base)

    def test_mission(self):
        test = {"src/io/a_test.cc": "TEST(File, Opens) {}\n", "tests/b_test.py": "class Run(T):\n    def test_it(self):\n"}

        def mission(*rows):
            return {"docs/mission.md": MISSION_HEAD + ALL_TASKS + "".join(row + "\n" for row in rows), **test}

        self.catches(document_rules.check_mission, [
            ("done untested", mission("| T001 | open | io | | done |"), "without a test"),
            ("no such test", mission("| T001 | open | io | `File.Flies` | done |"), "File.Flies does not exist"),
            ("odd state", mission("| T001 | open | io | | nearly |"), "'nearly'"),
            ("forgotten on the board", {"docs/mission.md": MISSION_HEAD + "| T001–T190 | x | y | | planned |\n"}, "P6-EXP-004"),
            ("forgotten", {"docs/mission.md": MISSION_HEAD + "| T001–T189 | x | y | | planned |\n"}, "T190"),
        ])
        self.passes(document_rules.check_mission, [
            ("tested", mission("| T001, T002 | open | io | `File.Opens` `Run.test_it` `src/io/a_test.cc` | done |"))])


class Reading(unittest.TestCase):
    def test_blanking_keeps_lines_and_code(self):
        text = 'int a = 1\'000; // x\nauto s = R"(rand()\n)"; char c = \'"\'; /* y\n */ int b;\n'
        blank = blank_comments_and_strings(text)
        self.assertEqual(text.count("\n"), blank.count("\n"))
        self.assertIn("int b;", blank)
        self.assertIn("1'000", blank)
        for word in ("rand", "x\n", " y"):
            self.assertNotIn(word, blank)

    def test_table_rows_reads_the_first_table_under_its_heading(self):
        text = "# A\n| x |\n| - |\n| 1 |\n## Seams of ours\nwords\n| h | i |\n| - | - |\n| 2 | a\\|b |\n\n| 3 |\n"
        self.assertEqual([["2", "a\\|b"]], table_rows(text, "seam"))


if __name__ == "__main__":
    unittest.main()
