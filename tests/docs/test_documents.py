#!/usr/bin/env python3
"""Types everything that README.md, CONTRIBUTING.md, docs/ and examples/ tell a reader to type, against the programs that
were built, and compares what is printed with what the documents show.

`make run` is the real one, in a copy of the tree whose build is the one under test. Standard library only. The
programs are named by JADE_TEST_BINARY, JADE_TEST_CONVERTER and JADE_TEST_EXAMPLE; ctest sets them.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from document_blocks import SHELL, Block, Command, blocks_of, check_exceptions, commands_of, difference, misplaced

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300
# Commands that are not typed here: why not, and what runs them instead. An entry that no document needs is an error.
BUILDS = "builds again what this test was built with; .ci/run calls it"
EXCEPTIONS = {
    "make test": "runs every test, this one too; .ci/run calls it",
    "cmake --preset debug": BUILDS,
    "cmake --build --preset debug --target embedded_search": BUILDS,
}
CITIES = {"london", "brussels", "rome", "amsterdam", "vienna", "berlin", "madrid", "strasbourg", "milan", "prague",
          "lyon", "geneva", "moscow", "barcelona", "munich", "budapest", "marseille", "toulouse", "petersburg"}
ROYALTY = {"prince", "queen", "monarch", "throne", "kingdom", "emperor", "ii", "iii", "iv", "crown", "princess", "reign",
           "ruler", "duke", "royal", "lord", "kings"}


def documents():
    """The documents, by path."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md")),
             *sorted(ROOT.glob("examples/**/*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def all_blocks():
    """Every fenced block of every document."""
    return [block for path, text in documents().items() for block in blocks_of(path, text)]


def all_commands():
    """Every command of every document, in order."""
    return [command for block in all_blocks() if block.language in SHELL for command in commands_of(block)]


def free_port():
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(variable):
    """The path in an environment variable."""
    path = os.environ.get(variable, "")
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{variable} must name a program, not '{path}'")
    return path


class Tree:
    """The repository as a reader has it after `make build`, with the programs under test and `make run` running."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="jade-docs-"))
        self.port = free_port()
        self.shown = ""
        self.process = None
        self._terminal = None
        for path in ROOT.iterdir():
            if path.name not in ("build", "data", "tools", ".git", ".cache"):
                (self.root / path.name).symlink_to(path)
        (ROOT / ".cache").mkdir(exist_ok=True)
        (self.root / ".cache").symlink_to(ROOT / ".cache")
        shutil.copytree(ROOT / "tools", self.root / "tools")
        # Everything is installed and built; a command that builds anything else needs an entry in EXCEPTIONS.
        (self.root / "tools/setup/install_packages.sh").write_text("#!/bin/sh\n", encoding="utf-8")
        (self.root / "tools/ci/build.sh").write_text('#!/bin/sh\n[ "$*" = release ]\n', encoding="utf-8")
        for name, variable in (("release/bin/jade-db", "JADE_TEST_BINARY"),
                               ("release/bin/jade-sample", "JADE_TEST_CONVERTER"),
                               ("debug/bin/embedded_search", "JADE_TEST_EXAMPLE")):
            link = self.root / "build" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(program(variable))
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in ("MAKEFLAGS", "MAKELEVEL", "DATA", "SAMPLE", "JADE_LOG_LEVEL")}
        self.environment["LISTEN"] = f"127.0.0.1:{self.port}"

    def start(self):
        """Types `make run` at a terminal and waits until it says that the server is ready."""
        self._terminal, inner = pty.openpty()
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["make", "run"], cwd=self.root, env=self.environment, stdin=inner, stdout=inner,
                                        stderr=inner, start_new_session=True)
        os.close(inner)
        self.read_until(r"kill -TERM \d+.*\n")

    def read_until(self, pattern):
        """Collects what the terminal gets, until the pattern is in it or nothing comes any more."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.shown):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {PATIENCE_S} s in vain for '{pattern}' in: {self.shown}")
            if not select.select([self._terminal], [], [], 1)[0]:
                continue
            try:
                data = os.read(self._terminal, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"make run ended without '{pattern}': {self.shown}")
            self.shown += data.decode("utf-8", "replace")

    def screen(self):
        """What a reader sees of `make run`: of a line that was written over, only the last writing."""
        lines = [line.rstrip("\r").split("\r")[-1].rstrip() for line in self.shown.split("\n")]
        return self.as_documented("\n".join(lines))

    def as_documented(self, text):
        """The documents' address instead of ours."""
        return text.replace(f":{self.port}", ":8080")

    def type(self, text):
        """(exit status, output) of a command."""
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        done = subprocess.run(["bash", "-c", "set -o pipefail\n" + text], cwd=self.root, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=PATIENCE_S)
        return done.returncode, self.as_documented(done.stdout)

    def close(self):
        """Ends what still runs, and removes the tree."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE_S)
        if self._terminal is not None:
            os.close(self._terminal)
        shutil.rmtree(self.root, ignore_errors=True)


class Documents(unittest.TestCase):
    """What the documents say is what happens."""

    @classmethod
    def setUpClass(cls):
        cls.tree = Tree()
        cls.addClassCleanup(cls.tree.close)
        cls.tree.start()

    def test_every_command_does_what_the_document_shows(self):
        for command in all_commands():
            if command.text in EXCEPTIONS:
                continue
            with self.subTest(f"{command.path}:{command.line}"):
                if command.text == "make run":
                    output = self.tree.screen()
                else:
                    status, output = self.tree.type(command.text)
                    # A transcript shows a refusal where it means one.
                    if command.expected is None:
                        self.assertEqual(0, status, f"$ {command.text}\n{output}")
                complaint = difference(command, output)
                if complaint:
                    self.fail(complaint)

    def test_the_printed_lines_find_cities_and_royalty(self):
        printed = [line.strip() for line in self.tree.screen().split("\n") if line.startswith("  ")]
        self.assertEqual(3, len(printed), printed)
        search, status, _ = printed
        for word, family, enough in (("paris", CITIES, 6), ("king", ROYALTY, 6)):
            code, answer = self.tree.type(search.replace("paris", word))
            self.assertEqual(0, code)
            found = [hit["id"] for hit in json.loads(answer)["results"]]
            self.assertEqual(10, len(found))
            self.assertGreaterEqual(len(family.intersection(found)), enough, f"{word}: {found}")
        code, answer = self.tree.type(status)
        self.assertEqual(0, code)
        self.assertEqual(50000, json.loads(answer)["counts"]["live"])

    def test_what_make_run_prints_is_in_a_document(self):
        self.assertTrue(any(command.text == "make run" and command.expected for command in all_commands()))

    def test_every_example_is_run_by_a_document(self):
        typed = " ".join(command.text for command in all_commands())
        examples = [path for path in ROOT.glob("examples/**/*") if path.suffix in (".cc", ".py", ".sh")]
        self.assertTrue(examples)
        for path in examples:
            self.assertIn(path.stem if path.suffix == ".cc" else str(path.relative_to(ROOT)), typed)


class Stop(unittest.TestCase):
    """The third of the printed lines."""

    def test_the_printed_stop_ends_the_server_cleanly(self):
        tree = Tree()
        self.addCleanup(tree.close)
        tree.environment["SAMPLE"] = "0"
        tree.start()
        stop = re.search(r"kill -TERM \d+", tree.shown).group()
        self.assertEqual(0, tree.type(stop)[0])
        tree.read_until("The server has stopped")
        self.assertEqual(0, tree.process.wait(PATIENCE_S))


class Fences(unittest.TestCase):
    """What can be said about the blocks without a server."""

    def test_no_command_hides_in_another_fence(self):
        self.assertEqual([], [complaint for block in all_blocks() for complaint in misplaced(block)])

    def test_no_exception_is_stale(self):
        self.assertEqual([], check_exceptions(all_commands(), EXCEPTIONS))

    def test_code_in_documents_comes_from_an_example(self):
        sources = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("examples/**/*")
                   if path.suffix in (".cc", ".py")}
        for block in all_blocks():
            if block.language in ("cpp", "python"):
                text = "\n".join(block.lines)
                self.assertTrue(any(text in source for source in sources.values()),
                                f"{block.path}:{block.line}: no example has this code")

    def test_every_make_target_that_is_named_exists(self):
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        targets.update(("asan", "tsan"))
        for path, text in documents().items():
            for target in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z]+)", text):
                self.assertIn(target, targets, path)


class Comparison(unittest.TestCase):
    """The comparison itself, which must not let everything through."""

    def test_reads_commands_and_what_they_print(self):
        text = "Text.\n\n<!-- varies: a -->\n```console\n$ one 'x\n> y'\n1\n2\n$ two # why\n```\n```sh\n# no\nthree \\\n  4\n```\n"
        blocks = blocks_of("d.md", text)
        commands = [command for block in blocks for command in commands_of(block)]
        self.assertEqual([("one 'x\ny'", ["1", "2"]), ("two", []), ("three \\\n  4", None)],
                         [(command.text, command.expected) for command in commands])
        self.assertEqual({"a"}, commands[0].varies)
        self.assertEqual(set(), commands[2].varies)

    def test_notices_what_differs(self):
        for expected, actual, options, same in (
                (["a 1", "b"], "a 1\nb\n", {}, True),
                (["a 1", "b"], "a 2\nb\n", {}, False),
                (["a 1", "b"], "a 2\nb\n", {"numbers_vary": True}, True),
                (["a", "b"], "a\nb\nc\n", {}, False),
                (["a", "…", "c"], "a\nb\nb\nc\n", {}, True),
                (["a…c"], "a b c\n", {}, True),
                (["a…c"], "a\nc\n", {}, False),
                (["F 1", "b"], "b\n", {"optional": ("F",)}, True),
                (["b", "F 1"], "b\n", {}, False),
                (['{"a":1,', ' "b":[0.5]}'], '{"b":[0.5000001],"a":1}', {}, True),
                (['{"a":1}'], '{"a":2}', {}, False),
                (['{"a":1}'], '{"a":2}', {"varies": {"a"}}, True),
                (['{"a":1}'], '{"a":1,"b":2}', {}, False),
                (['{"a":1}'], "no JSON", {}, False),
                (['{"a":"1"}'], '{"a":1}', {}, False)):
            with self.subTest(expected=expected, actual=actual):
                self.assertEqual(same, difference(Command("d.md", 1, "c", expected, **options), actual) == "")

    def test_complains_about_hidden_commands_and_stale_exceptions(self):
        self.assertEqual(1, len(misplaced(Block("d.md", 1, "", ["text", "  make run it"], []))))
        self.assertEqual(1, len(misplaced(Block("d.md", 1, "json", ["curl -s x"], []))))
        self.assertEqual(1, len(misplaced(Block("d.md", 1, "bash", ["true"], []))))
        self.assertEqual([], misplaced(Block("d.md", 1, "", ["HTTP ─ registry"], [])))
        self.assertEqual(1, len(check_exceptions([Command("d.md", 1, "make run")], {"make tea": "none"})))


if __name__ == "__main__":
    unittest.main()
