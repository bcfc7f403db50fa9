"""What documents tell a reader to type, and what they say will be shown.

A fence `sh` holds commands, a line each unless quotes or a backslash go on. A fence `console` is a transcript: lines
after "$ " are commands, the rest is what they print. A line "…" stands for any lines, and "…" in a line for any text.
Comments in front of a fence loosen the comparison, and readers do not see them:

    <!-- varies: a, b -->            members a and b of JSON have another value every time
    <!-- numbers vary -->            so have numbers in other text
    <!-- optional lines: A, B -->    lines that begin like this may be absent
"""

import json
import math
import re
import subprocess
from dataclasses import dataclass, field

SHELL = ("sh", "console")
# Fences that hold nothing to type.
OTHER_LANGUAGES = ("", "hex", "json", "yaml", "cpp", "python")
# What a command line begins with; such a line in any other fence would escape the test.
COMMAND_LIKE = re.compile(r"^\s*(\$ |(sudo |[A-Z_]+=\S+ )*(make|curl|cmake|ctest|git|apt-get|bash|python3|\S*jade-db)\s)")


@dataclass
class Command:
    """A command, and what it should print; None where the document does not say."""
    path: str
    line: int
    text: str
    expected: list = None
    varies: set = field(default_factory=set)
    numbers_vary: bool = False
    optional: tuple = ()


@dataclass
class Block:
    """A fenced block with the comments in front of it."""
    path: str
    line: int
    language: str
    lines: list
    marks: list


def blocks_of(path, text):
    """The fenced blocks of a document."""
    found, marks, current = [], [], None
    for number, line in enumerate(text.split("\n"), start=1):
        fence = re.match(r"\s*```\s*([\w-]*)", line)
        if current is not None:
            if fence:
                found.append(current)
                current, marks = None, []
            else:
                current.lines.append(line)
        elif fence:
            current = Block(path, number, fence.group(1), [], marks)
        elif re.match(r"\s*<!--.*-->\s*$", line):
            marks = marks + [line]
        elif line.strip():
            marks = []
    if current is not None:
        raise ValueError(f"{path}:{current.line}: the fence has no end")
    return found


def _is_complete(text):
    """True when the shell would not ask for another line."""
    if text.rstrip(" ").endswith("\\"):
        return False
    parsed = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    return parsed.returncode == 0 and "here-document" not in parsed.stderr


def _names(marks, label):
    names = []
    for mark in marks:
        match = re.match(rf"\s*<!--\s*{label}:\s*(.*?)\s*-->", mark)
        if match:
            names += [name.strip() for name in match.group(1).split(",")]
    return names


def commands_of(block):
    """The commands of a block, in order."""
    common = {"varies": set(_names(block.marks, "varies")), "optional": tuple(_names(block.marks, "optional lines")),
              "numbers_vary": any("numbers vary" in mark for mark in block.marks)}
    transcript = block.language == "console"
    commands, pending = [], None
    for offset, line in enumerate(block.lines, start=1):
        number = block.line + offset
        if pending is not None:
            pending.text += "\n" + line.removeprefix("> ")
        elif transcript and line.startswith("$ "):
            pending = Command(block.path, number, line[2:], [], **common)
        elif transcript:
            if not commands:
                raise ValueError(f"{block.path}:{number}: a transcript begins with a command ('$ …')")
            commands[-1].expected.append(line)
            continue
        elif line.strip() and not line.lstrip().startswith("#"):
            pending = Command(block.path, number, line, **common)
        else:
            continue
        if _is_complete(pending.text):
            # What follows a "#" is for the reader.
            pending.text = re.sub(r"\s+# [^'\"]*$", "", pending.text).strip()
            commands.append(pending)
            pending = None
    if pending is not None:
        raise ValueError(f"{block.path}:{pending.line}: the command does not end: {pending.text}")
    return commands


def misplaced(block):
    """Commands in a block that is not for commands, and languages that nobody knows."""
    if block.language in SHELL:
        return []
    if block.language not in OTHER_LANGUAGES:
        return [f"{block.path}:{block.line}: unknown kind of fence '{block.language}'"]
    return [f"{block.path}:{block.line + offset}: a command in a fence that is not 'sh' or 'console': {line.strip()}"
            for offset, line in enumerate(block.lines, start=1) if COMMAND_LIKE.match(line)]


def check_exceptions(commands, exceptions):
    """Complaints about exceptions that no document needs any more."""
    texts = {command.text for command in commands}
    return [f"no document has the command '{text}' any more; remove its exception"
            for text in exceptions if text not in texts]


def _same_json(expected, actual, varies):
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            key in varies or _same_json(value, actual[key], varies) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(
            _same_json(left, right, varies) for left, right in zip(expected, actual))
    if isinstance(expected, float) or isinstance(actual, float):
        # Each processor's kernel adds in another order; float32 keeps seven digits.
        return isinstance(actual, (int, float)) and math.isclose(expected, actual, rel_tol=1e-5, abs_tol=1e-6)
    return type(expected) is type(actual) and expected == actual


def _json_or_none(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def _line_pattern(line, command):
    pattern = ".*".join(re.escape(part) for part in line.rstrip().split("…"))
    return re.sub(r"\d+(?:\\\.\d+)?", r"\\d+(?:\\.\\d+)?", pattern) if command.numbers_vary else pattern


def difference(command, actual):
    """Why `actual` is not what the document says, or an empty text."""
    expected = [line for line in command.expected or []]
    while expected and not expected[-1].strip():
        expected.pop()
    if command.expected is None or not expected:
        return ""
    wanted = _json_or_none("".join(line.strip() for line in expected))
    if wanted is not None:
        if _same_json(wanted, _json_or_none(actual), command.varies):
            return ""
    else:
        pattern = ""
        for line in expected:
            if line.strip() == "…":
                pattern += r"(?:[^\n]*\n)*?"
            elif command.optional and line.startswith(command.optional):
                pattern += f"(?:{_line_pattern(line, command)}\\n)?"
            else:
                pattern += _line_pattern(line, command) + r"\n"
        lines = [line.rstrip() for line in actual.rstrip().split("\n")]
        if re.fullmatch(pattern, "\n".join(lines) + "\n"):
            return ""
    return "\n".join([f"{command.path}:{command.line}: $ {command.text}", "  the document shows:",
                      *(f"    {line}" for line in expected), "  it prints:",
                      *(f"    {line}" for line in actual.rstrip().split("\n"))])
