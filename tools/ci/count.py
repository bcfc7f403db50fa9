#!/usr/bin/env python3
"""Sums what the runs left in a folder and prints "N passed, N failed". Exit status 1 if anything failed or nothing ran.

    count.py FOLDER [NAME …]      only these names, else all; results.sh says what the files hold
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count_report(path):
    """Names of passed, failed and skipped tests in a ctest JUnit report. A test that could not run has failed."""
    passed, failed, skipped = [], [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status, reason = case.get("status"), case.find("skipped")
        if status == "run" and case.find("failure") is None:
            passed.append(case.get("name"))
        elif status == "disabled" or (reason is not None and reason.get("message", "").startswith("SKIP_")):
            skipped.append(case.get("name"))
        else:
            failed.append(case.get("name"))
    return passed, failed, skipped


def count(folder, names):
    """Totals over the folder: numbers of passed and skipped, names of failed."""
    passed, failed, skipped = 0, [], 0
    for path in sorted(Path(folder).iterdir()):
        if names and path.stem not in names:
            continue
        if path.suffix == ".xml":
            one_passed, one_failed, one_skipped = count_report(path)
            passed += len(one_passed)
            failed += [f"{path.stem}: {name}" for name in one_failed]
            skipped += len(one_skipped)
        elif path.suffix == ".passed":
            passed += len(path.read_text(encoding="utf-8").splitlines())
        elif path.suffix == ".failed":
            failed += [f"{path.stem}: {name}" for name in path.read_text(encoding="utf-8").splitlines()]
    return passed, failed, skipped


def main():
    passed, failed, skipped = count(sys.argv[1], sys.argv[2:])
    for name in failed:
        print(f"FAILED {name}")
    if skipped:
        print(f"({skipped} skipped, with a reason each)")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
