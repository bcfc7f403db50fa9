#!/usr/bin/env python3
"""Checks what no compiler checks: layout, include table, seams, documents, licences. Exit status 1 on a finding."""

import argparse
import sys
from pathlib import Path

import code_rules
import document_rules
import layout_rules
from repository import Repository

RULES = (*layout_rules.RULES, *code_rules.RULES, *document_rules.RULES)


def run(root):
    """Every violation in the repository at root, sorted."""
    repository = Repository(root)
    return sorted({violation for rule in RULES for violation in rule(repository)})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2], help="the repository to check")
    violations = run(parser.parse_args().root)
    for violation in violations:
        print(violation)
    print(f"repository check: {len(RULES)} rules, {len(violations)} findings", file=sys.stderr)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
