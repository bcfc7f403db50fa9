#!/usr/bin/env python3
"""Configuration: where values come from, what is refused and how it is told, and the commands that look at it."""

import re
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import ROOT, Server, clean_environment, run_program


class Settings(unittest.TestCase):
    """Runs of `jade-db config`, in an empty directory."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="jade-e2e-config-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def file(self, text, name="jade.yml"):
        """A file with this text."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def show(self, *arguments, command="show", **environment):
        """{key: (value, source)} as the program sees them."""
        done = run_program("config", command, *arguments, environment=clean_environment(**environment))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        lines = [re.fullmatch(r"(\S+)\s+(\S.*?)\s+# (.+)", line) for line in done.stdout.splitlines()]
        self.assertTrue(all(lines), done.stdout)
        return {line[1]: (line[2], line[3]) for line in lines}

    def refused(self, *arguments, **environment):
        """The one line that refuses a configuration; check and serve agree."""
        said = []
        for command in (("config", "check"), ("serve",), ("config", "show")):
            done = run_program(*command, *arguments, environment=clean_environment(**environment),
                               directory=self.directory)
            self.assertEqual((1, ""), (done.returncode, done.stdout), done.stderr)
            self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
            said.append(done.stderr.strip())
        self.assertEqual(1, len(set(said)), said)
        self.assertFalse((self.directory / "data").exists(), "a refused start makes no data directory")
        return said[0]

    def test_flags_go_before_the_environment_before_the_file_before_defaults(self):
        path = self.file("log:\n  level: debug\nthreads:\n  compute: 3\n  network: 2\nlisten: 127.0.0.1:1111\n")
        shown = self.show("--config", path, "--listen", "127.0.0.1:3333", "--set", "threads.queue_capacity=77",
                          JADE_LISTEN="127.0.0.1:2222", JADE_THREADS_COMPUTE="5")
        self.assertEqual(("127.0.0.1:3333", "--listen"), shown["listen"])
        self.assertEqual(("5", "JADE_THREADS_COMPUTE"), shown["threads.compute"])
        self.assertEqual(("2", f"{path}:5"), shown["threads.network"])
        self.assertEqual(("debug", f"{path}:2"), shown["log.level"])
        self.assertEqual(("77", "--set"), shown["threads.queue_capacity"])
        self.assertEqual(("0", "default"), shown["threads.background"])

    def test_diff_shows_what_differs(self):
        path = self.file("log:\n  level: debug\n  format: auto\n")
        self.assertEqual({"log.level": ("debug", f"{path}:2")}, self.show("--config", path, command="diff"))
        self.assertEqual({}, self.show(command="diff"))

    def test_variables_and_files_are_put_in(self):
        secret = self.file("warn\n", "level.txt")
        path = self.file("data_directory: ${BASE}/jade-${NAME}\nlog:\n  level: ${file:%s}\n" % secret)
        shown = self.show("--config", path, BASE="/srv", NAME="x y")
        self.assertEqual("/srv/jade-x y", shown["data_directory"][0])
        # What a file held is not shown, only used.
        self.assertEqual("***", shown["log.level"][0])
        self.assertNotIn("warn", str(shown))

    def test_units_of_bytes(self):
        path = self.file("memory_budget: 3GiB\nlimits:\n  body_bytes_max: 1048576\n  header_bytes_max: 64KiB\n")
        shown = self.show("--config", path)
        self.assertEqual(("3GiB", "1MiB", "64KiB"), tuple(shown[key][0] for key in (
            "memory_budget", "limits.body_bytes_max", "limits.header_bytes_max")))

    def test_mistakes_in_the_file_are_told_with_line_and_nearest_key(self):
        for name, text, line, words in (
                ("unknown key", "listn: 127.0.0.1:1\n", 1, ["listn", "did you mean 'listen'"]),
                ("unknown inner key", "log:\n  level: info\n  fromat: json\n", 3, ["fromat", "'log.format'"]),
                ("unknown section", "\n\nlimit:\n  body_bytes_max: 1MiB\n", 3, ["limit"]),
                ("value for a section", "log: info\n", 1, ["log"]),
                ("section for a value", "listen:\n  host: x\n", 1, ["listen"]),
                ("list for a value", "log:\n  level: [info]\n", 2, ["log.level"]),
                ("too large", "# one\nthreads:\n  network: 65\n", 3, ["threads.network", "'65'", "1..64"]),
                ("too small", "threads:\n  network: 0\n", 2, ["threads.network", "1..64"]),
                ("no number", "threads:\n  network: two\n", 2, ["threads.network", "'two'", "1..64"]),
                ("negative", "threads:\n  network: -1\n", 2, ["threads.network", "1..64"]),
                ("overflow", "threads:\n  compute: 99999999999999999999\n", 2, ["threads.compute", "1024"]),
                ("bytes that overflow", "memory_budget: 99999999999999GiB\n", 1, ["memory_budget"]),
                ("unknown unit", "memory_budget: 3GB\n", 1, ["memory_budget", "'3GB'", "GiB"]),
                ("no choice", "log:\n  level: loud\n", 2, ["log.level", "'loud'", "trace"]),
                ("address without a port", "listen: 127.0.0.1\n", 1, ["listen", "ADDRESS:PORT"]),
                ("port too large", "listen: 127.0.0.1:65536\n", 1, ["listen"]),
                ("unknown variable", "log:\n  level: ${NOWHERE}\n", 2, ["log.level", "'NOWHERE'", "not set"]),
                ("variable without an end", "log:\n  level: ${NOWHERE\n", 2, ["log.level", "}"]),
                ("unknown file", "log:\n  level: ${file:/no/where}\n", 2, ["log.level", "/no/where"]),
                ("no YAML", "log:\n  level: 'info\n", None, ["YAML"]),
                ("quote that the file ends", "data_directory: 'it''s\n", 1, ["YAML", "quote"]),
                ("escaped quote", 'data_directory: "here\\"\n', 1, ["YAML", "quote"]),
                ("value of two lines", "data_directory: |\n  one\n  two\n", 1, ["data_directory", "one line"]),
                ("bracket without an end", "log: {level: info\n", None, ["YAML"]),
                ("tab", "log:\n\tlevel: info\n", 2, ["YAML"]),
                ("two documents", "listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", None, ["more than one"]),
                ("not a map", "just words\n", 1, []),
        ):
            with self.subTest(name):
                path = self.file(text)
                said = self.refused("--config", path)
                self.assertIn(f"{path}:{line}" if line else f"{path}:", said)
                for word in words:
                    self.assertIn(word, said)

    def test_a_key_given_twice_is_refused(self):
        for text, place, key in (("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", 2, "'listen'"),
                                 ("log:\n  level: info\n  level: warn\n", 3, "'log.level'"),
                                 ("log:\n  level: info\nlisten: 127.0.0.1:1\nlog:\n  format: json\n", 4, "'log'")):
            with self.subTest(key):
                path = self.file(text)
                said = self.refused("--config", path)
                self.assertIn(f"{path}:{place}: {key}", said)
                self.assertIn("twice", said)

    def test_mistakes_in_environment_and_flags_name_their_source(self):
        said = self.refused(JADE_LISTNE="127.0.0.1:1")
        self.assertIn("JADE_LISTNE", said)
        self.assertIn("'JADE_LISTEN'", said)
        self.assertIn("JADE_LOG_LEVEL", self.refused(JADE_LOG_LEVEL="loud"))
        self.assertIn("--set", self.refused("--set", "log.levle=info"))
        self.assertIn("'log.level'", self.refused("--set", "log.levle=info"))
        self.assertIn("KEY=VALUE", self.refused("--set", "log.level"))
        self.assertIn("/no/such.yml", self.refused("--config", "/no/such.yml"))

    def test_unknown_flags_and_commands_end_with_2(self):
        for arguments in (("serve", "--nonsense"), ("nonsense",), (), ("config",), ("serve", "extra")):
            done = run_program(*arguments)
            self.assertEqual((2, ""), (done.returncode, done.stdout), arguments)
            self.assertTrue(done.stderr)
        self.assertEqual(0, run_program("--help").returncode)
        self.assertIn("--listen", run_program("serve", "--help").stdout)

    def test_the_example_is_the_repository_s_and_starts_unchanged(self):
        done = run_program("config", "example")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        example = ROOT / "config.example.yml"
        self.assertEqual(done.stdout, example.read_text(encoding="utf-8"), "jade-db config example > config.example.yml")
        self.assertEqual({}, self.show("--config", example, command="diff"))
        shown = self.show("--config", example)
        self.assertEqual(set(self.show()), {key for key, (_, source) in shown.items() if source != "default"})
        with Server(flags=("--config", str(example))) as server:
            self.assertEqual("ready", server.client().ok("GET", "/health")["status"])
            self.assertEqual((0, True), (server.stop()[0], bool(server.events("stopped"))))

    def test_settings_take_effect(self):
        with Server(flags=("--set", "limits.body_bytes_max=2KiB"), environment={"JADE_LOG_FORMAT": "json"}) as server:
            client = server.client()
            self.assertEqual(2048, client.ok("GET", "/v1/limits")["bodyBytesMax"])
            answer = client.post("/v1/databases", {"name": "x", "dimension": 2, "description": "x" * 2048})
            self.assertEqual((413, 2048), (answer.status, answer.error["details"]["limitBytes"]))

    def test_memory_budget_defaults_to_a_part_of_the_machine(self):
        with Server() as server:
            budget = server.client().ok("GET", "/v1/limits")["memoryBudgetBytes"]
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        memory = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemTotal"))
        self.assertGreater(budget, 16 << 20)
        self.assertLessEqual(budget, memory * 0.7 + 1)
        with Server(flags=("--set", "memory_budget=64MiB")) as server:
            self.assertEqual(64 << 20, server.client().ok("GET", "/v1/limits")["memoryBudgetBytes"])

    def test_doctor_finds_what_would_go_wrong(self):
        good = run_program("doctor", "--data", self.directory, "--listen", "127.0.0.1:0")
        self.assertEqual((0, ""), (good.returncode, good.stderr), good.stdout)
        for word in ("configuration", "cores", "memory budget", "synced write", "can listen"):
            self.assertIn(word, good.stdout)
        self.assertNotIn("FAIL", good.stdout)
        self.assertEqual(["LOCK"], [path.name for path in self.directory.iterdir()])
        with Server() as server:
            address = f"127.0.0.1:{server.port}"
            bad = run_program("doctor", "--data", server.data, "--listen", address)
            self.assertEqual(1, bad.returncode)
            self.assertIn(str(server.process.pid), bad.stdout)
            self.assertIn(str(server.port), bad.stdout)
            self.assertEqual(2, bad.stdout.count("FAIL"), bad.stdout)
            self.assertEqual("ready", server.client().ok("GET", "/health")["status"])
        for arguments in (("--set", "log.level=loud"), ("--listen", "0.0.0.0:0")):
            bad = run_program("doctor", "--data", self.directory, *arguments)
            self.assertEqual(1, bad.returncode)
            self.assertIn("FAIL", bad.stdout)

    def test_version_is_the_project_s(self):
        project = re.search(r"project\(jadevectordb VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
        done = run_program("version")
        self.assertEqual((0, f"jade-db {project[1]}\n", ""), (done.returncode, done.stdout, done.stderr))


if __name__ == "__main__":
    unittest.main()
