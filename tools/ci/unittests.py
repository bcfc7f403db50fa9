#!/usr/bin/env python3
"""Runs the tests of the Python tools, and notes each by name for count.py."""

import argparse
import importlib.util
import sys
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
FOLDERS = ("check", "ci", "coverage", "run")


class NotingResult(unittest.TextTestResult):
    """Remembers which tests passed."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.passed = []

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed.append(test.id())


def load():
    """The suite of every *_test.py in the folders of tools."""
    suite = unittest.TestSuite()
    for folder in FOLDERS:
        for path in sorted((TOOLS / folder).glob("*_test.py")):
            sys.path.insert(0, str(path.parent))
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    return suite


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", help="write RESULTS.passed and RESULTS.failed, a test a line")
    results = parser.parse_args().results
    result = unittest.TextTestRunner(resultclass=NotingResult).run(load())
    failed = [test.id() for test, _ in result.failures + result.errors]
    failed += [test.id() for test in result.unexpectedSuccesses]
    if results:
        for suffix, names in ((".passed", result.passed), (".failed", failed)):
            Path(results + suffix).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
