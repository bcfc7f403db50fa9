"""Counting neither hides a failure nor invents a pass."""

import tempfile
import unittest
from pathlib import Path

import count

REPORT = """<?xml version="1.0"?>
<testsuite name="x" tests="6">
  <testcase name="A.Passes" status="run"><system-out/></testcase>
  <testcase name="A.Fails" status="fail"><failure message="no"/></testcase>
  <testcase name="A.TimesOut" status="run"><failure message="Timeout"/></testcase>
  <testcase name="A.Skips" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
  <testcase name="A.IsDisabled" status="disabled"/>
  <testcase name="a_NOT_BUILT" status="notrun"><skipped message="Unable to find executable"/></testcase>
</testsuite>
"""


class Count(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        (Path(self.folder.name) / name).write_text(text, encoding="utf-8")

    def test_counts_a_test_that_could_not_run_as_failed(self):
        self.write("debug.xml", REPORT)
        self.assertEqual((1, ["debug: A.Fails", "debug: A.TimesOut", "debug: a_NOT_BUILT"], 2),
                         count.count(self.folder.name, []))

    def test_sums_reports_and_lists(self):
        self.write("debug.xml", REPORT)
        self.write("unittest.passed", "a\nb\n")
        self.write("lint.failed", "format\n")
        passed, failed, _ = count.count(self.folder.name, [])
        self.assertEqual((3, 4), (passed, len(failed)))

    def test_looks_only_at_the_names_asked_for(self):
        self.write("debug.xml", REPORT)
        self.write("unittest.passed", "a\nb\n")
        self.assertEqual((2, [], 0), count.count(self.folder.name, ["unittest"]))


if __name__ == "__main__":
    unittest.main()
