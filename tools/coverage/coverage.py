#!/usr/bin/env python3
"""Line and branch coverage by folder, from `llvm-cov export`. Exit status 1 below a floor.

The failing side of a JADE_CHECK is not counted: it stops the process, and a process that stops writes no profile. Nor
are functions that the compiler writes (`= default`): it reports a branch for each member of a comparison.
"""

import argparse
import functools
import json
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOOR_OVERALL = 90.0
FLOOR_CORE = 95.0
CORE = ("src/base", "src/io", "src/storage", "src/index", "src/query", "src/engine")
CHECK_HEADER = "/base/check.h"


class Tally:
    """Counted and covered lines and branches of a file, a folder or everything."""

    def __init__(self):
        self.lines = self.lines_covered = self.branches = self.branches_covered = 0

    def add(self, other):
        self.lines += other.lines
        self.lines_covered += other.lines_covered
        self.branches += other.branches
        self.branches_covered += other.branches_covered

    @property
    def line_percent(self):
        return 100.0 * self.lines_covered / self.lines if self.lines else 100.0

    @property
    def branch_percent(self):
        return 100.0 * self.branches_covered / self.branches if self.branches else 100.0


def folder_of(path):
    """The row of the table that a file belongs to, or "" if it is not counted."""
    parts = path.split("/")
    is_test = path.endswith("_test.cc") or parts[-1].startswith("test_")
    return "/".join(parts[:2]) if parts[0] in ("src", "include") and len(parts) > 2 and not is_test else ""


def relative(path, root):
    prefix = str(root).rstrip("/") + "/"
    return path[len(prefix):] if path.startswith(prefix) else path


def tally_files(export, root):
    """File → Tally."""
    files = defaultdict(Tally)
    for data in export["data"]:
        for entry in data["files"]:
            path = relative(entry["filename"], root)
            if folder_of(path):
                files[path].lines = entry["summary"]["lines"]["count"]
                files[path].lines_covered = entry["summary"]["lines"]["covered"]
    for path, outcomes in _branches(export, root).items():
        files[path].branches = 2 * len(outcomes)
        files[path].branches_covered = sum((taken > 0) + (not_taken > 0) for taken, not_taken in outcomes.values())
    return files


@functools.cache
def _lines(root, path):
    file = Path(root) / path
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _is_defaulted(root, path, line):
    """Whether the function that begins on this line is written by the compiler."""
    lines = _lines(root, path)
    return line <= len(lines) and lines[line - 1].rstrip().endswith("= default;")


def _branches(export, root):
    """File → branch → how often it was taken and not taken, over all instances of a template or inline function."""
    branches = defaultdict(dict)
    for data in export["data"]:
        for function in data["functions"]:
            path = relative(function["filenames"][0], root)
            if not folder_of(path):
                continue
            start = tuple(function["regions"][0][:4])
            if _is_defaulted(root, path, start[0]):
                continue
            for index, branch in enumerate(function["branches"]):
                if function["filenames"][branch[6]].endswith(CHECK_HEADER):
                    continue
                # The index tells apart two uses of a macro, whose branches stand at one place.
                key = (start, index, *branch[:4])
                taken, not_taken = branches[path].get(key, (0, 0))
                branches[path][key] = (taken + branch[4], not_taken + branch[5])
    return branches


def uncovered_places(export, root, path):
    """Lines of a file with a branch of which one side was never taken."""
    outcomes = _branches(export, root).get(path, {})
    return sorted({key[2] for key, sides in outcomes.items() if 0 in sides})


def report(files):
    """The table as text, and a list of what is below its floor."""
    folders, total = defaultdict(Tally), Tally()
    for path, tally in files.items():
        folders[folder_of(path)].add(tally)
        total.add(tally)
    text = [f"{'folder':<18} {'lines':>15} {'%':>7} {'branches':>15} {'%':>7} {'floor':>6}"]
    low = []
    for name, tally in [*sorted(folders.items()), ("total", total)]:
        floor = FLOOR_CORE if name in CORE else FLOOR_OVERALL if name == "total" else None
        text.append(f"{name:<18} {tally.lines_covered:>7}/{tally.lines:<7} {tally.line_percent:>7.2f} "
                    f"{tally.branches_covered:>7}/{tally.branches:<7} {tally.branch_percent:>7.2f} "
                    f"{f'{floor:.0f}' if floor else '':>6}")
        for kind, percent in (("lines", tally.line_percent), ("branches", tally.branch_percent)):
            if floor and percent < floor:
                low.append(f"{name}: {percent:.2f}% of {kind}, at least {floor:.0f}%")
    if not total.lines:
        low.append("nothing was measured")
    return "\n".join(text), low


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path, help="what `llvm-cov export` printed")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository that was built")
    parser.add_argument("--file", help="print this file's lines with a branch side never taken, and stop")
    parser.add_argument("--worst", type=int, default=15, help="how many files to list by branches never taken")
    arguments = parser.parse_args()
    export = json.loads(arguments.export.read_text(encoding="utf-8"))
    if arguments.file:
        print(*uncovered_places(export, arguments.root, arguments.file))
        return 0
    files = tally_files(export, arguments.root)
    table, low = report(files)
    worst = sorted(files, key=lambda path: files[path].branches_covered - files[path].branches)[:arguments.worst]
    print("Most branches never taken (coverage.py EXPORT --file PATH lists their lines):")
    for path in worst:
        tally = files[path]
        print(f"  {path}: {tally.branches - tally.branches_covered} branches, {tally.lines - tally.lines_covered} lines")
    print(table)
    for line in low:
        print(f"BELOW THE FLOOR {line}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
