"""The files of a repository, as the rules see them."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

CODE_FOLDERS = ("src", "include", "tests", "bench", "examples", "tools")
CPP_SUFFIXES = (".h", ".cc")


@dataclass(frozen=True, order=True)
class Violation:
    """One finding: where it is, which rule found it, and what to do about it."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.rule}: {self.message}"


class Repository:
    """Every file that git tracks or would track; all files where there is no git, as in the tests of the rules."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.paths = sorted(path for path in self._list() if (self.root / path).is_file())
        self._texts = {}

    def _list(self):
        if (self.root / ".git").exists():
            out = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                check=True, capture_output=True, text=True).stdout
            return [path for path in out.split("\0") if path]
        found = []
        for folder, _, names in os.walk(self.root):
            found += [str((Path(folder) / name).relative_to(self.root)) for name in names]
        return found

    def exists(self, path):
        return (self.root / path).exists()

    def select(self, folders=None, suffixes=None):
        """Paths under any of the folders (all if None) with any of the suffixes (all if None)."""
        for path in self.paths:
            if folders is not None and not path.startswith(tuple(folder + "/" for folder in folders)):
                continue
            if suffixes is not None and not path.endswith(tuple(suffixes)):
                continue
            yield path

    def text(self, path):
        if path not in self._texts:
            data = (self.root / path).read_bytes()
            self._texts[path] = "" if b"\0" in data else data.decode("utf-8", errors="replace")
        return self._texts[path]

    def lines(self, path):
        """Pairs of line number and text."""
        return enumerate(self.text(path).split("\n"), start=1)


_CPP_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL)


def blank_comments_and_strings(text, keep_include_paths=False):
    """C++ text with comments and literals blanked, every line break kept, so that line numbers stay right."""

    def blank(match):
        token = match.group(0)
        if token[0] == "'" and match.start() > 0 and text[match.start() - 1].isalnum():
            return token  # A digit separator, as in 1'000.
        if keep_include_paths and token[0] == '"':
            start = text.rfind("\n", 0, match.start()) + 1
            if re.match(r"\s*#\s*include\s*$", text[start:match.start()]):
                return token
        return re.sub(r"[^\n]", " ", token)

    return _CPP_TOKEN.sub(blank, text)


def table_rows(text, heading):
    """Rows of the first table under the heading that contains `heading`, as lists of cells, without its header."""
    rows = []
    inside = False
    for line in text.split("\n"):
        if line.startswith("#"):
            if rows:
                break
            inside = heading.lower() in line.lower()
        elif inside and line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
        elif rows:
            break
    return rows[2:]


def code_spans(cell):
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def cmake_tokens(repository, path):
    """Words of a CMake file, comments removed and quotes stripped."""
    text = re.sub(r"#[^\n]*", "", repository.text(path))
    return [token.strip('"') for token in re.findall(r'"[^"]*"|[^\s()]+|[()]', text)]


def cmake_files(repository):
    return [path for path in repository.paths if path.endswith("CMakeLists.txt") or path.endswith(".cmake")]
