"""Rules about where files are, what they are called, and who includes whom."""

import posixpath
import re

from repository import (CODE_FOLDERS, CPP_SUFFIXES, Violation, blank_comments_and_strings, cmake_files, cmake_tokens,
                        table_rows)

ARCHITECTURE = "docs/ARCHITECTURE.md"
LINES_MAX = 800
VAGUE_WORDS = {"util", "utils", "helper", "helpers", "common", "misc"}
CMAKE_KEYWORDS = {"SOURCES", "HEADERS", "DEPS", "PRIVATE_DEPS", "LABELS", "TIMEOUT", ")"}
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def read_include_table(repository):
    """Folder → folders that it may include, from the table in docs/ARCHITECTURE.md."""
    table = {}
    if not repository.exists(ARCHITECTURE):
        return table
    for cells in table_rows(repository.text(ARCHITECTURE), "include whom"):
        allowed = {word.strip("`") for word in re.split(r"[,\s]+", cells[1]) if word}
        for folder in re.split(r"[,\s]+", cells[0]):
            table[folder.strip("`")] = allowed
    return table


def _folder_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else ""


def check_includes(repository):
    """Each include in src/ follows the table; public headers include only each other and the standard library."""
    table = read_include_table(repository)
    if not table:
        yield Violation(ARCHITECTURE, 0, "include-table", "has no table under a heading 'Who may include whom'")
        return
    for path in repository.select(["src", "include"], CPP_SUFFIXES):
        folder = _folder_of(path)
        if folder and folder not in table:
            yield Violation(path, 0, "include-table", f"folder '{folder}' has no row in {ARCHITECTURE}")
            continue
        text = blank_comments_and_strings(repository.text(path), keep_include_paths=True)
        for match in _INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            message = _judge_include(folder, match.group(1) == '"', match.group(2), table)
            if message:
                yield Violation(path, line, "include-table", message)


def _judge_include(folder, quoted, target, table):
    first = target.split("/")[0] if "/" in target else ""
    if first in ("tests", "bench", "tools", "examples"):
        return f'nothing includes {first}/ ("{target}")'
    if not folder:  # include/jade
        if first == "jade" or (not quoted and not first and not target.endswith(".h")):
            return ""
        return f"a public header includes only the standard library and include/jade, not {target}"
    if quoted and first == "":
        return f'write includes from the src/ or include/ root, not "{target}"'
    if not quoted or first in ("jade", folder):
        return ""
    if first not in table:
        return f'"{target}" is in no folder of the table'
    if first not in table[folder]:
        return f'{folder} may not include {first} ("{target}"); it may include: {", ".join(sorted(table[folder]))}'
    return ""


def check_headers_listed(repository):
    """Each header is in some HEADERS list, so that the build compiles it alone."""
    listed = set()
    for cmake in cmake_files(repository):
        inside = False
        for token in cmake_tokens(repository, cmake):
            if token in CMAKE_KEYWORDS:
                inside = token == "HEADERS"
            elif inside:
                listed.add(token)
    for path in repository.select(["src", "include"], [".h"]):
        if path.split("/", 1)[1] not in listed:
            yield Violation(path, 0, "header-listed", "is in no HEADERS list of a CMakeLists.txt, so nothing compiles it alone")


def check_orphans(repository):
    """Each source is named by a CMake file."""
    named = set()
    for cmake in cmake_files(repository):
        folder = posixpath.dirname(cmake)
        for token in cmake_tokens(repository, cmake):
            if not token.endswith((".cc", ".fbs")):
                continue
            for prefix, base in (("${PROJECT_SOURCE_DIR}/", ""), ("${CMAKE_SOURCE_DIR}/", ""),
                                 ("${CMAKE_CURRENT_SOURCE_DIR}/", folder), ("", folder)):
                if token.startswith(prefix):
                    named.add(posixpath.normpath(posixpath.join(base, token[len(prefix):])))
                    break
    for path in repository.select(["src", "tests", "bench", "examples", "tools"], [".cc", ".fbs"]):
        if path not in named:
            yield Violation(path, 0, "orphan", "no CMakeLists.txt names this file, so nothing builds it")


def check_names(repository):
    """Files and folders are snake_case and named after the idea they hold."""
    for path in repository.select(CODE_FOLDERS):
        if not path.endswith((*CPP_SUFFIXES, ".py", ".sh", ".fbs")):
            continue
        for part in path.split("/"):
            stem = part.split(".")[0]
            if not re.fullmatch(r"[a-z0-9_]+", stem) and not (part == path.split("/")[-1] and stem == "__init__"):
                yield Violation(path, 0, "name", f"'{part}' is not snake_case")
            vague = VAGUE_WORDS.intersection(stem.split("_"))
            if vague:
                yield Violation(path, 0, "name", f"'{min(vague)}' says nothing; name '{part}' after the idea it holds")


def check_size(repository):
    """No file of code is longer than a person reads."""
    for path in repository.select(CODE_FOLDERS, [*CPP_SUFFIXES, ".py", ".sh", ".fbs"]):
        lines = repository.text(path).count("\n")
        if lines > LINES_MAX:
            yield Violation(path, 0, "size", f"{lines} lines; at most {LINES_MAX}, 500 is a good end")


RULES = (check_includes, check_headers_listed, check_orphans, check_names, check_size)
