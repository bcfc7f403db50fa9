"""A running jade-db, a client that can also misbehave, and a search by brute force: what the end-to-end tests share.

The program under test is named by JADE_TEST_BINARY (ctest sets it). Standard library only.
"""

import http.client
import json
import math
import operator
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# One number for everything that waits: a sanitizer's build on a busy machine is slow, a hang is for ever.
PATIENCE_S = 300
JSON = "application/json"
BINARY = "application/x-jade-f32"


def binary():
    """The path of jade-db."""
    path = os.environ.get("JADE_TEST_BINARY", "")
    if not os.access(path, os.X_OK):
        raise AssertionError(f"JADE_TEST_BINARY must name the jade-db to test, not '{path}'")
    return path


def scaled(count):
    """`count`, sized by JADE_TEST_SCALE; never less than 1."""
    return max(1, int(count * float(os.environ.get("JADE_TEST_SCALE", "1"))))


def seeded_random():
    """A generator whose seed is printed, and taken from JADE_TEST_SEED where that is set."""
    seed = os.environ.get("JADE_TEST_SEED") or str(random.SystemRandom().getrandbits(63))
    print(f"JADE_TEST_SEED={seed}", flush=True)
    return random.Random(seed)


def clean_environment(**more):
    """This process's environment without settings for the server, with `more`."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("JADE_") or name.startswith("JADE_TEST_")}
    return {**kept, **more}


def run_program(*arguments, environment=None, directory=None):
    """What `jade-db ARGUMENTS` did, with its output as text."""
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False, env=environment or clean_environment(), cwd=directory)


def wait_until(condition, what, timeout_s=PATIENCE_S):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(0.02)


class Response:
    """An answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self):
        """The error that the body tells of; {} where it tells of none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value.get("error", {}) if isinstance(value, dict) else {}

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class Client:
    """One connection that is kept open. For one thread."""

    def __init__(self, port, timeout_s=PATIENCE_S):
        self.port = port
        self.timeout_s = timeout_s
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection; the next request opens another."""
        self._connection.close()

    def request(self, method, path, body=None, headers=None, content_type=JSON):
        """Sends one request. `body` is bytes, text, or anything else that is sent as JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        headers = dict(headers or {})
        if body is not None and content_type:
            headers.setdefault("Content-Type", content_type)
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def get(self, path, **options):
        """A GET."""
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        """A POST."""
        return self.request("POST", path, body, **options)

    def ok(self, method, path, body=None, **options):
        """The JSON of an answer that must be a success."""
        answer = self.request(method, path, body, **options)
        if answer.status not in (200, 201):
            raise AssertionError(f"{method} {path}: {answer}")
        return answer.json

    def count(self, database):
        """How many records the database counts."""
        return self.ok("POST", f"/v1/databases/{database}/vectors/count", {})["count"]

    def exchange(self, request):
        """Sends these very bytes on a connection of their own and reads one answer."""
        with socket.create_connection(("127.0.0.1", self.port), self.timeout_s) as connection:
            connection.sendall(request)
            return read_response(connection)


def read_response(connection):
    """One answer from a socket."""
    with http.client.HTTPResponse(connection) as answer:
        answer.begin()
        return Response(answer.status, answer.headers, answer.read())


class Server:
    """A jade-db over a directory of its own. Started and stopped any number of times."""

    def __init__(self, directory=None, flags=(), environment=None):
        self._owned = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="jade-e2e-"))
        self.data = self.directory / "data"
        self.flags = list(flags)
        self.environment = environment or {}
        self.process = None
        self.port = 0
        self.lines = []
        self._reader = None
        self._clients = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        for client in self._clients:
            client.close()
        if self._owned:
            shutil.rmtree(self.directory, ignore_errors=True)

    def launch(self):
        """Starts the process and waits for nothing."""
        self.lines = []
        command = [binary(), "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", *self.flags]
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, env=clean_environment(**self.environment))
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr, self.lines), daemon=True)
        self._reader.start()
        return self

    def listening(self):
        """Waits until the server listens."""
        self.port = int(self.wait_for_event("listening")["port"])
        return self

    def ready(self):
        """Waits until the server has replayed its log."""
        with Client(self.port) as client:
            wait_until(lambda: client.get("/health").json["status"] != "live", "the server to be ready")
        # What it logged while it started has been read by then, too.
        self.wait_for_event("ready")
        return self

    def start(self):
        """Starts the server and waits until it is ready."""
        return self.launch().listening().ready()

    def client(self):
        """A new connection, closed with the server."""
        self._clients.append(Client(self.port))
        return self._clients[-1]

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))
        stream.close()

    def events(self, name=None):
        """Log lines so far, those of one event or all."""
        found = []
        for line in list(self.lines):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if name in (None, event.get("event")):
                found.append(event)
        return found

    def wait_for_event(self, name):
        """The first log line of this event; fails at once where the process ends without it."""

        def look():
            ended = self.process.poll() is not None
            if ended:
                self._reader.join(PATIENCE_S)
            events = self.events(name)
            if not events and ended:
                raise AssertionError(f"ended with {self.process.returncode} before '{name}': {self.lines[-5:]}")
            return events

        return wait_until(look, f"the event '{name}'")[0]

    def wait_end(self):
        """The exit status of a process that ends by itself."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def stop(self):
        """SIGTERM: (exit status, seconds that it took)."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.wait_end()
        return status, time.monotonic() - began

    def kill(self):
        """kill -9. Nothing where no process runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.wait_end()

    def database_directories(self):
        """Where the databases' files are."""
        return sorted(path for path in (self.data / "databases").iterdir() if path.is_dir())


class ServerTest(unittest.TestCase):
    """Tests that share one server."""

    server = None
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(flags=cls.flags)
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        cls.client = cls.server.client()
        cls.addClassCleanup(cls.client.close)


def table(texts):
    """The layout of ids and metadata in a binary batch: offsets, then the bytes."""
    parts = [text.encode() for text in texts]
    offsets = [0]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets)}I", *offsets) + b"".join(parts)


def binary_batch(rows, dimension, options=b""):
    """A binary batch of (id, packed float32, metadata or None)."""
    ids = table([row[0] for row in rows])
    with_metadata = any(row[2] is not None for row in rows)
    metadata = b""
    if with_metadata:
        metadata = table(["" if row[2] is None else json.dumps(row[2], ensure_ascii=False) for row in rows])
    header = struct.pack("<4sIIIQQQ24x", b"JDF1", dimension, len(rows), 3 if with_metadata else 1, len(options),
                         len(ids), len(metadata))
    return header + b"".join(row[1] for row in rows) + options + ids + metadata


def read_binary_batch(data):
    """(id, packed float32, metadata) of each row of a binary batch."""
    magic, dimension, rows, flags, options, ids, metadata = struct.unpack_from("<4sIIIQQQ24x", data)
    if (magic, flags) != (b"JDF1", 3):
        raise AssertionError("not a binary batch with ids and metadata")
    at = 64 + 4 * dimension * rows + options
    if len(data) != at + ids + metadata:
        raise AssertionError("the binary batch has another length than its header says")

    def texts(begin):
        offsets = struct.unpack_from(f"<{rows + 1}I", data, begin)
        begin += 4 * (rows + 1)
        return [data[begin + offsets[i]:begin + offsets[i + 1]].decode() for i in range(rows)]

    width = 4 * dimension
    return list(zip(texts(at), (data[64 + width * i:64 + width * (i + 1)] for i in range(rows)),
                    map(json.loads, texts(at + ids))))


def pack(vector):
    """The bytes of a vector as float32."""
    return struct.pack(f"<{len(vector)}f", *vector)


def unpack(data):
    """The numbers of packed float32."""
    return struct.unpack(f"<{len(data) // 4}f", data)


def _dot(a, b):
    return sum(map(operator.mul, a, b))


def distance(metric, a, b):
    """The contract's distance in double precision."""
    if metric == "dot":
        return -_dot(a, b)
    if metric == "cosine":
        cosine = _dot(a, b) / math.sqrt(_dot(a, a) * _dot(b, b))
        return 1 - max(-1.0, min(1.0, cosine))
    if metric == "euclidean":
        return math.dist(a, b)
    if metric == "manhattan":
        return sum(abs(x - y) for x, y in zip(a, b))
    if metric == "hamming":
        return float(sum(x != y for x, y in zip(a, b)))
    raise AssertionError(metric)


def similarity(metric, distance_value, dimension):
    """The contract's similarity for a distance."""
    if metric == "cosine":
        return 1 - distance_value
    if metric == "dot":
        return -distance_value
    if metric == "hamming":
        return 1 - distance_value / dimension
    return 1 / (1 + distance_value)


def nearest(metric, query, rows, top_k):
    """[(distance, id)] of the nearest of (id, vector), by brute force, ties by the ids' bytes."""
    scored = sorted((distance(metric, query, vector), name.encode()) for name, vector in rows)
    return [(value, name.decode()) for value, name in scored[:top_k]]


def sample_rows(count):
    """The first `count` real words: (word, packed float32[100], metadata). Fails where they cannot be had."""
    environment = dict(os.environ)
    converter = os.environ.get("JADE_TEST_CONVERTER")
    if converter:
        environment["SAMPLE_CONVERTER"] = converter
    done = subprocess.run([str(ROOT / "tools/sample/fetch.sh")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise AssertionError("the sample of real word vectors cannot be had, and nothing else will do: "
                             + " | ".join(done.stderr.strip().splitlines()[-3:]))
    rows = []
    for path in sorted((ROOT / ".cache/sample").glob("words-*.jdf")):
        if len(rows) < count:
            rows += read_binary_batch(path.read_bytes())
    return rows[:count]
