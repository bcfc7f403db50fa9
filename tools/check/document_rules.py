"""Rules about documents, scripts and dependencies."""

import posixpath
import re

from repository import Violation, cmake_files, cmake_tokens, code_spans, table_rows

DEPENDENCIES = "docs/reference/dependencies.md"
COPYLEFT_ADR = "docs/adr/0007-copyleft.md"
INSTALLER = "tools/setup/install_packages.sh"
MISSION = "docs/mission.md"
# The tasks of the second seed document; those of the first are T001 to T190.
BOARD_TASKS = (
    "P1-INFRA-001", "P1-INFRA-002", "P1-CORE-001", "P1-CORE-002", "P1-CORE-003", "P1-HNSW-001", "P1-HNSW-002",
    "P1-PERSIST-001", "P1-TEST-001", "P2-API-001", "P2-API-002", "P2-API-003", "P2-SEC-001", "P2-TEST-002",
    "P3-TEST-001", "P3-TEST-002", "P3-PERF-001", "P3-PERF-002", "P4-SDK-PY-001", "P4-SDK-PY-002", "P4-SDK-TS-001",
    "P4-SDK-TS-002", "P4-TEST-003", "P5-FEAT-001", "P5-FEAT-002", "P5-FEAT-003", "P5-OPS-001", "P5-OPS-002",
    "P6-EXP-001", "P6-EXP-002", "P6-EXP-003", "P6-EXP-004")
# Part of every CMake or every Debian: nothing that we could choose.
CMAKE_BUILT_IN = {"Threads", "PkgConfig", "Python3"}
USES = ("linked", "test", "tool", "data")
STATES = ("done", "partly", "in work", "planned", "other way")
_COPYLEFT = re.compile(r"\b(?:A|L)?GPL|\bMPL|\bEPL|\bEUPL|\bCDDL|\bSSPL|\bBUSL|\bOSL|\bCC-BY-SA")
_MACHINE_PATH = re.compile(r"(?<![\w.~{}$\]/*])/(?:home|root|work|Users)/[\w.]|\b[A-Z]:\\Users\\")
_ADDRESS = re.compile(r"https?://(?!127\.0\.0\.1|localhost|\[::1\]|\$|\{|%|example\.|[\w.-]*\.example\b)")


def check_links(repository):
    """Links in documents lead to files that exist."""
    for path in repository.select(None, [".md"]):
        text = re.sub(r"```.*?```", lambda block: re.sub(r"[^\n]", " ", block.group(0)), repository.text(path),
                      flags=re.DOTALL)
        text = re.sub(r"`[^`\n]*`", lambda span: " " * len(span.group(0)), text)
        for match in re.finditer(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", text):
            target = match.group(1)
            if re.match(r"[a-z][a-z0-9+.-]*:", target) or target.startswith("#"):
                continue
            resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.split("#")[0]))
            if resolved.startswith("..") or not repository.exists(resolved):
                line = text.count("\n", 0, match.start()) + 1
                yield Violation(path, line, "link", f"{target} does not exist")


def check_decisions(repository):
    """Each decision is in the list of decisions."""
    index = "docs/adr/README.md"
    for path in repository.select(["docs/adr"], [".md"]):
        name = posixpath.basename(path)
        if path != index and (not repository.exists(index) or f"]({name})" not in repository.text(index)):
            yield Violation(path, 0, "decision", f"is not linked from {index}")


def check_machine_paths(repository):
    """Nothing depends on where one person keeps things."""
    for path in repository.paths:
        if path.startswith("tools/check/"):
            continue
        for number, line in repository.lines(path):
            match = _MACHINE_PATH.search(line)
            if match:
                yield Violation(path, number, "machine-path", f"'{match.group(0)}…' exists on one machine only")


def check_addresses(repository):
    """Scripts and builds fetch by package name, never from an address."""
    for path in repository.paths:
        name = posixpath.basename(path)
        if not (path.endswith((".sh", ".cmake")) or path.startswith(".ci/")
                or name in ("Makefile", "CMakeLists.txt") or name.startswith("Dockerfile")):
            continue
        for number, line in repository.lines(path):
            if _ADDRESS.search(line):
                yield Violation(path, number, "address", "fetch by package name, never from an address")


def _dependency_rows(repository):
    if not repository.exists(DEPENDENCIES):
        return []
    rows = table_rows(repository.text(DEPENDENCIES), "dependencies")
    return [cells for cells in rows if len(cells) >= 6]


def _cmake_packages(repository):
    """Pairs of file and package that the build looks for."""
    for path in cmake_files(repository):
        tokens = cmake_tokens(repository, path)
        for index, token in enumerate(tokens):
            if token == "find_package" and tokens[index + 1] == "(":
                yield path, tokens[index + 2]
            elif token == "pkg_check_modules" and tokens[index + 1] == "(":
                end = tokens.index(")", index)
                for name in tokens[index + 3:end]:
                    if name not in ("REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL"):
                        yield path, re.split(r"[<>=]", name)[0]


def check_dependencies(repository):
    """Each library and package is in the table with a licence; copyleft needs its line in the ADR."""
    known_to_cmake, packages = set(CMAKE_BUILT_IN), set()
    accepted = set()
    if repository.exists(COPYLEFT_ADR):
        for cells in table_rows(repository.text(COPYLEFT_ADR), "accepted"):
            accepted.update(code_spans(cells[0]))
    for cells in _dependency_rows(repository):
        names, found, version, licence, use = code_spans(cells[0]), code_spans(cells[1]), *cells[2:5]
        packages.update(names)
        known_to_cmake.update(found)
        label = ", ".join(names) or cells[0]
        if not licence or not version:
            yield Violation(DEPENDENCIES, 0, "dependency", f"{label} lacks its version or its licence")
        if use not in USES:
            yield Violation(DEPENDENCIES, 0, "dependency", f"{label}: use '{use}' is none of {', '.join(USES)}")
        if use != "tool" and _COPYLEFT.search(licence):
            for name in names:
                if name not in accepted:
                    yield Violation(DEPENDENCIES, 0, "licence", f"{name} is {licence}: copyleft that {COPYLEFT_ADR} "
                                                                "does not list")
    for path, name in sorted(set(_cmake_packages(repository))):
        if name not in known_to_cmake:
            yield Violation(path, 0, "dependency", f"'{name}' has no row in {DEPENDENCIES}")
    if repository.exists(INSTALLER):
        for group in re.findall(r"^\s*\[\w+\]=\"([^\"]*)\"", repository.text(INSTALLER), re.MULTILINE):
            for package in group.split():
                if package not in packages:
                    yield Violation(INSTALLER, 0, "dependency", f"{package} has no row in {DEPENDENCIES}")


def _existing_tests(repository):
    """Names of every test that the sources define: Suite.Name of GoogleTest, Class.method and method of unittest."""
    tests = set()
    for path in repository.select(["src", "tests", "bench", "examples", "tools"], [".cc", ".h"]):
        for suite, name in re.findall(r"\b(?:TYPED_)?(?:TEST(?:_[FP])?|RC_GTEST_(?:FIXTURE_)?PROP)\(\s*(\w+)\s*,\s*(\w+)",
                                      repository.text(path)):
            tests.add(f"{suite}.{name}")
    for path in repository.select(["tests", "tools", "sdk", "examples"], [".py"]):
        owner = ""
        for _, line in repository.lines(path):
            match = re.match(r"class (\w+)|\s+def (test_\w+)", line)
            if match and match.group(1):
                owner = match.group(1)
            elif match:
                tests.add(f"{owner}.{match.group(2)}")
    return tests


def check_mission(repository):
    """Nothing in docs/mission.md is done without a test, each test named there exists, and no seed task is forgotten."""
    if not repository.exists(MISSION):
        return
    text = repository.text(MISSION)
    tests = _existing_tests(repository)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.startswith("|") or set(line) <= set("|-: "):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or cells[4] == "State":
            continue
        named, state = code_spans(cells[3]), cells[4]
        if state not in STATES:
            yield Violation(MISSION, number, "mission", f"state '{state}' is none of: {', '.join(STATES)}")
        if state in ("done", "partly") and not named:
            yield Violation(MISSION, number, "mission", f"'{cells[1]}' is marked {state} without a test")
        for name in named:
            if name not in tests and not repository.exists(name):
                yield Violation(MISSION, number, "mission", f"test {name} does not exist")
    covered = set()
    rows = "\n".join(line for line in text.split("\n") if line.startswith("|"))
    for first, last in re.findall(r"\bT(\d{3})(?:[–-]T?(\d{3}))?", rows):
        covered.update(range(int(first), int(last or first) + 1))
    forgotten = [f"T{task:03}" for task in sorted(set(range(1, 191)) - covered)]
    forgotten += [task for task in BOARD_TASKS if task not in text]
    for task in forgotten:
        yield Violation(MISSION, 0, "mission", f"task {task} of the seeds has no row")


RULES = (check_links, check_decisions, check_machine_paths, check_addresses, check_dependencies, check_mission)
