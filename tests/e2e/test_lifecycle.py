#!/usr/bin/env python3
"""Starting, stopping, damage and repair, databases that come and go, and what the server says of itself."""

import http.client
import json
import os
import re
import socket
import threading
import time
import unittest

from harness import (BINARY, PATIENCE_S, ROOT, Client, Server, ServerTest, binary_batch, pack, run_program, scaled,
                     seeded_random, wait_until)

STOP_S = 10


def create(client, name, **body):
    """Makes a database of two dimensions."""
    return client.ok("POST", "/v1/databases", {"name": name, "dimension": 2, "metric": "euclidean", **body})


def store(client, database, begin, end):
    """Stores rows named by their numbers, each a function of its number."""
    rows = [(str(i), pack([i, 1]), None) for i in range(begin, end)]
    answer = client.ok("POST", f"/v1/databases/{database}/vectors/batch?upsert=true", binary_batch(rows, 2),
                       content_type=BINARY)
    if answer["errors"]:
        raise AssertionError(answer)


def check_stored(test, client, database, begin, end):
    """These rows are there, as they were stored."""
    for page in range(begin, end, 5000):
        ids = [str(i) for i in range(page, min(page + 5000, end))]
        got = client.ok("POST", f"/v1/databases/{database}/vectors/get", {"ids": ids})["vectors"]
        test.assertEqual([(name, [int(name), 1]) for name in ids],
                         [record and (record["id"], record["vector"]) for record in got])


def newest_log(directory):
    """The log file of a database that is written to."""
    return max((path for path in (directory / "log").iterdir() if path.is_file()), key=lambda path: path.name)


def flip(path, offset, count=8):
    """Changes bytes of a file."""
    with open(path, "r+b") as file:
        file.seek(offset)
        data = file.read(count)
        file.seek(offset)
        file.write(bytes(byte ^ 0xFF for byte in data))


class StopAndStart(unittest.TestCase):
    """What was acknowledged outlives the process, however it ends."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__)

    def test_sigterm_under_load_stops_in_time_and_loses_nothing(self):
        self.server.start()
        with self.server.client() as client:
            create(client, "load", dimension=8)
        acknowledged, started = [], threading.Barrier(5)

        def write(writer):
            with Client(self.server.port) as client:
                started.wait()
                for n in range(200_000):
                    # Every number that is stored is a float32: below 2^24.
                    first = writer * 4_000_000 + n * 20
                    single = {"id": str(first), "vector": [first] * 8}
                    rows = [{"id": str(first + i), "vector": [first + i] * 8} for i in range(1, 20)]
                    try:
                        if client.post("/v1/databases/load/vectors", single).status != 201:
                            return
                        acknowledged.append(first)
                        if client.post("/v1/databases/load/vectors/batch", {"vectors": rows}).status != 200:
                            return
                        acknowledged.extend(range(first + 1, first + 20))
                    except (OSError, http.client.HTTPException):
                        return

        writers = [threading.Thread(target=write, args=(i,), daemon=True) for i in range(4)]
        for writer in writers:
            writer.start()
        started.wait()
        wait_until(lambda: len(acknowledged) >= scaled(500), "some writes")
        status, seconds = self.server.stop()
        for writer in writers:
            writer.join(PATIENCE_S)
        self.assertEqual(0, status, self.server.lines[-3:])
        self.assertLess(seconds, STOP_S)
        self.assertTrue(self.server.events("stopped"))
        print(f"stopped in {seconds:.2f} s with {len(acknowledged)} rows acknowledged", flush=True)
        self.server.start()
        client = self.server.client()
        self.assertFalse(self.server.events("log_tail_cut"))
        ids = [str(i) for i in acknowledged]
        for begin in range(0, len(ids), 5000):
            page = client.ok("POST", "/v1/databases/load/vectors/get", {"ids": ids[begin:begin + 5000]})["vectors"]
            self.assertEqual([(name, [float(name)] * 8) for name in ids[begin:begin + 5000]],
                             [record and (record["id"], record["vector"]) for record in page])
        # What nobody answered is there whole or not at all: batches of 19 and single rows.
        self.assertGreaterEqual(client.count("load"), len(ids))
        self.assertLessEqual(client.count("load"), len(ids) + 4 * 19)

    def test_idle_connections_do_not_delay_a_stop(self):
        self.server.start()
        clients = [self.server.client() for _ in range(20)]
        for client in clients:
            client.get("/health")
        status, seconds = self.server.stop()
        self.assertEqual(0, status)
        self.assertLess(seconds, STOP_S / 2)

    def test_sigint_stops_as_sigterm_does(self):
        self.server.start()
        self.server.process.send_signal(2)
        self.assertEqual(0, self.server.wait_end())

    def test_writes_survive_many_kills(self):
        random = seeded_random()
        self.server.start()
        with self.server.client() as client:
            create(client, "many", sharding={"numShards": 3})
        sure = 0
        for _ in range(scaled(6)):
            killer = threading.Timer(random.uniform(0.01, 0.2), self.server.process.kill)
            with self.server.client() as client:
                killer.start()
                try:
                    while True:
                        store(client, "many", sure, sure + 50)
                        sure += 50
                except (OSError, http.client.HTTPException):
                    pass
            self.server.wait_end()
            self.server.start()
            with self.server.client() as client:
                check_stored(self, client, "many", 0, sure)
                store(client, "many", sure, sure + 50)
            sure += 50
        print(f"{sure} rows over {scaled(6)} kills", flush=True)

    def test_not_ready_while_replaying_but_alive(self):
        self.server.start()
        rows = 400_000
        with self.server.client() as client:
            create(client, "large", index={"type": "FLAT"})
            for begin in range(0, rows, 50_000):
                store(client, "large", begin, begin + 50_000)
        for _ in range(20):
            self.server.kill()
            self.server.launch().listening()
            with self.server.client() as client:
                health = client.get("/health")
                answer = client.get("/v1/databases/large")
                listed = client.get("/v1/databases")
                write = client.post("/v1/databases/large/vectors", {"id": "x", "vector": [1, 2]})
                made = client.post("/v1/databases", {"name": "other", "dimension": 2})
                if made.status == 503:
                    break
                client.request("DELETE", "/v1/databases/other")
        else:
            self.fail("replaying 400,000 rows was over before four requests were answered, 20 times")
        self.assertEqual((200, "live"), (health.status, health.json["status"]))
        self.assertRegex(health.json["reasons"][0], r"\d+%")
        for refused in (answer, listed, write, made):
            self.assertEqual((503, "NOT_READY", True),
                             (refused.status, refused.error["code"], refused.error["retryable"]), refused)
            self.assertEqual("replay", refused.error["details"]["phase"])
            self.assertIn(refused.error["details"]["percent"], range(101))
            self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.server.ready()
        self.assertTrue(wait_until(lambda: self.server.events("ready"), "the event 'ready'"))
        client = self.server.client()
        self.assertEqual(rows, client.count("large"))
        check_stored(self, client, "large", rows - 5000, rows)

    def test_a_stop_while_replaying_is_clean(self):
        self.server.start()
        with self.server.client() as client:
            create(client, "large", index={"type": "FLAT"})
            for begin in range(0, 200_000, 50_000):
                store(client, "large", begin, begin + 50_000)
        self.server.kill()
        self.server.launch().listening()
        status, seconds = self.server.stop()
        self.assertEqual(0, status, self.server.lines)
        self.assertLess(seconds, STOP_S)
        self.server.start()
        self.assertEqual(200_000, self.server.client().count("large"))


class Damage(unittest.TestCase):
    """Torn is cut and told, rotten is refused and kept, and one bad database stays alone."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def make(self, name, rows=100):
        """A database with rows; its directory."""
        before = set(self.server.database_directories()) if (self.server.data / "databases").exists() else set()
        with self.server.client() as client:
            create(client, name)
            for begin in range(0, rows, 10):
                store(client, name, begin, begin + 10)
        (directory,) = set(self.server.database_directories()) - before
        return directory

    def test_garbage_behind_the_log_is_cut_and_its_bytes_are_told(self):
        directory = self.make("torn")
        for garbage in (b"\xa5" * 1234, os.urandom(77), b"\0" * 4096):
            with self.subTest(bytes=len(garbage)):
                self.server.stop()
                with open(newest_log(directory), "ab") as file:
                    file.write(garbage)
                self.server.start()
                (event,) = self.server.events("log_tail_cut")
                self.assertEqual(("torn", len(garbage), "warn"),
                                 (event["database"], event["torn_bytes"], event["level"]))
                with open(event["kept_in"], "rb") as file:
                    self.assertIn(garbage, file.read())
                client = self.server.client()
                self.assertEqual(100, client.count("torn"))
                check_stored(self, client, "torn", 0, 100)
                store(client, "torn", 0, 100)

    def test_a_log_that_lost_its_end_keeps_what_came_before(self):
        directory = self.make("short")
        self.server.stop()
        path = newest_log(directory)
        size = path.stat().st_size
        os.truncate(path, size - 5)
        self.server.start()
        (event,) = self.server.events("log_tail_cut")
        self.assertGreater(event["torn_bytes"], 0)
        client = self.server.client()
        check_stored(self, client, "short", 0, 100)
        store(client, "short", 100, 110)
        self.server.kill()
        self.server.start()
        check_stored(self, self.server.client(), "short", 0, 110)

    def test_a_damaged_manifest_leaves_the_other_databases_alone(self):
        good, bad = self.make("good"), self.make("bad")
        self.server.stop()
        before = (bad / "manifest").stat().st_size
        flip(bad / "manifest", before // 2)
        damaged = (bad / "manifest").read_bytes()
        self.check_only_bad_is_bad()
        self.assertEqual(damaged, (bad / "manifest").read_bytes())
        self.assertTrue((good / "manifest").exists())
        # Repaired, it is whole again.
        self.server.stop()
        flip(bad / "manifest", before // 2)
        self.server.start()
        check_stored(self, self.server.client(), "bad", 0, 100)
        self.assertEqual("ready", self.server.client().get("/health").json["status"])

    def test_rot_in_the_middle_of_a_log_is_refused_and_never_cut(self):
        self.make("good")
        bad = self.make("bad")
        self.server.stop()
        path = newest_log(bad)
        flip(path, path.stat().st_size // 2)
        damaged = path.read_bytes()
        self.check_only_bad_is_bad()
        self.assertEqual(damaged, path.read_bytes())
        self.server.stop()
        flip(path, path.stat().st_size // 2)
        self.server.start()
        check_stored(self, self.server.client(), "bad", 0, 100)

    def check_only_bad_is_bad(self):
        """After a start, "good" works, "bad" says that it is corrupted, and health is degraded."""
        self.server.start()
        client = self.server.client()
        health = client.ok("GET", "/health")
        self.assertEqual("degraded", health["status"])
        self.assertNotIn("bad", json.dumps(health), "names of databases are not for everybody")
        self.assertEqual(["bad"], [event["database"] for event in self.server.events("database_not_opened")])
        check_stored(self, client, "good", 0, 100)
        store(client, "good", 0, 10)
        for answer in (client.get("/v1/databases/bad"), client.get("/v1/databases/bad/vectors/1"),
                       client.post("/v1/databases/bad/search", {"vector": [1, 2]}),
                       client.post("/v1/databases/bad/vectors", {"id": "x", "vector": [1, 2]})):
            self.assertEqual((500, "DATA_CORRUPTED"), (answer.status, answer.error["code"]))
        listed = client.ok("GET", "/v1/databases")["databases"]
        self.assertEqual([("bad", "failed"), ("good", "ready")], [(one["name"], one["state"]) for one in listed])
        taken = client.post("/v1/databases", {"name": "bad", "dimension": 2})
        self.assertEqual((409, "ALREADY_EXISTS"), (taken.status, taken.error["code"]))

    def test_a_missing_manifest_is_not_an_empty_database(self):
        directory = self.make("bad")
        self.make("good")
        self.server.stop()
        (directory / "manifest").rename(directory / "elsewhere")
        self.check_only_bad_is_bad()
        self.assertFalse((directory / "manifest").exists())

    def test_missing_names_are_not_an_empty_store(self):
        self.make("good")
        self.server.stop()
        kept = [path for path in self.server.data.iterdir() if path.name.startswith("meta.sqlite")]
        self.assertTrue(kept)
        for path in kept:
            path.rename(self.server.directory / path.name)
        self.server.launch()
        self.assertEqual(1, self.server.wait_end())
        self.assertIn("meta.sqlite", self.server.lines[-1])
        for path in kept:
            (self.server.directory / path.name).rename(path)
        self.server.start()
        check_stored(self, self.server.client(), "good", 0, 100)


class OneAtATime(ServerTest):
    """What two servers cannot share."""

    def one_line(self, *arguments):
        """The one line that a start which cannot succeed leaves."""
        done = run_program("serve", *arguments)
        self.assertEqual(1, done.returncode, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(1, len(lines), lines)
        self.assertTrue(lines[0].startswith("jade-db: "), lines)
        return lines[0]

    def test_a_second_server_on_the_directory_names_the_first(self):
        line = self.one_line("--data", self.server.data, "--listen", "127.0.0.1:0")
        self.assertIn(f"pid {self.server.process.pid}", line)
        self.assertIn(str(self.server.data), line)
        self.assertEqual(200, self.client.get("/v1/databases").status)

    def test_a_taken_port_is_named(self):
        line = self.one_line("--data", self.server.directory / "second", "--listen", f"127.0.0.1:{self.server.port}")
        self.assertIn(str(self.server.port), line)
        self.assertIn("taken by another program", line)

    def test_an_open_address_needs_a_credential(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            line = self.one_line("--data", self.server.directory / "third", "--listen", address)
            self.assertIn("credential", line)

    def test_a_directory_that_cannot_be_made(self):
        line = self.one_line("--data", "/dev/null/data", "--listen", "127.0.0.1:0")
        self.assertIn("/dev/null/data", line)


class Limits(unittest.TestCase):
    """What is configured as the most is never passed, and costs nobody what is stored."""

    def test_data_outgrows_the_memory_budget(self):
        with Server(flags=("--set", "memoryBudget=16MiB")) as server:
            client = server.client()
            path = "/v1/databases/m/vectors"
            create(client, "m", dimension=1024)
            stored = 10_000
            for begin in range(0, stored, 200):
                rows = [(str(i), pack([i] * 1024), None) for i in range(begin, begin + 200)]
                answer = client.post(f"{path}/batch", binary_batch(rows, 1024), content_type=BINARY)
                while answer.status == 503:
                    # Rows leave memory for files; until they have, more are too many.
                    self.assertEqual("OVERLOADED", answer.error["code"])
                    time.sleep(0.05)
                    answer = client.post(f"{path}/batch", binary_batch(rows, 1024), content_type=BINARY)
                self.assertEqual((200, 200), (answer.status, answer.json["inserted"]))
            status = client.ok("GET", "/v1/databases/m/status")
            self.assertGreater(status["counts"]["segments"], 2)
            self.assertLess(status["bytes"]["memory"]["vectors"], 16 << 20)
            self.assertGreater(status["bytes"]["disk"]["segments"], 16 << 20)
            self.assertEqual(stored, client.count("m"))
            hits = client.ok("POST", "/v1/databases/m/search", {"vector": [7] * 1024, "topK": 2})["results"]
            self.assertEqual(["7", "6"], [hit["id"] for hit in hits])
            self.assertTrue(client.ok("DELETE", f"{path}/7")["deleted"])
            server.kill()
            server.start()
            client = server.client()
            self.assertEqual(stored - 1, client.count("m"))
            self.assertTrue(client.ok("POST", path, {"id": "7", "vector": [7] * 1024})["created"])

    def test_slow_and_many_callers_are_turned_away(self):
        flags = ("--set", "limits.headerTimeoutMs=300", "--set", "limits.transferTimeoutMs=300", "--set",
                 "limits.connectionsMax=3")
        head = b"POST /v1/databases HTTP/1.1\r\nHost: localhost\r\n"
        body = b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        with Server(flags=flags) as server:
            for request in (head, head + body):
                answer = Client(server.port).exchange(request)
                self.assertEqual((408, "REQUEST_TIMEOUT", True),
                                 (answer.status, answer.error["code"], answer.error["retryable"]))
            held = [server.client() for _ in range(4)]

            def status(client):
                try:
                    return client.get("/health").status
                except (OSError, http.client.HTTPException):
                    return 503  # It may hang up before the request is sent.

            def statuses():
                return sorted(map(status, held))

            # The connections of above may need a moment to end.
            wait_until(lambda: statuses() == [200, 200, 200, 503], "one of four connections to be refused")
            for client in held:
                client.close()
            wait_until(lambda: status(held[0]) == 200, "room for a connection")


class Databases(ServerTest):
    """They come, are listed and go."""

    def tearDown(self):
        for one in self.client.ok("GET", "/v1/databases?limit=1000")["databases"]:
            self.client.ok("DELETE", f"/v1/databases/{one['databaseId']}")

    def test_pages_are_ordered_by_name_and_hold_each_once(self):
        names = sorted([f"n{i}" for i in range(25)] + ["A", "Z", "a.b", "a-b", "a_b", "0"], key=str.encode)
        for name in reversed(names):
            create(self.client, name)
        for limit in (1, 7, 31, 1000):
            got, cursor, pages = [], "", 0
            while True:
                page = self.client.ok("GET", f"/v1/databases?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
                self.assertLessEqual(len(page["databases"]), limit)
                got += [one["name"] for one in page["databases"]]
                pages += 1
                cursor = page.get("nextCursor")
                if not cursor:
                    break
                # What comes and goes between pages moves nobody else.
                if limit == 7 and pages == 2:
                    self.client.ok("DELETE", f"/v1/databases/{got[0]}")
                    create(self.client, got[0])
            self.assertEqual(names, got)
            self.assertEqual(-(-len(names) // limit), pages)
        self.assertEqual(20, len(self.client.ok("GET", "/v1/databases")["databases"]))
        page = self.client.ok("GET", "/v1/databases?limit=1")
        other = page["nextCursor"][:-2] + ("A" if page["nextCursor"][-2] != "A" else "B") + page["nextCursor"][-1]
        self.assertEqual("INVALID_CURSOR", self.client.get(f"/v1/databases?cursor={other}").error["code"])
        # A cursor outlives the process that made it.
        self.server.stop()
        self.server.start()
        type(self).client = self.server.client()
        again = self.client.ok("GET", f"/v1/databases?limit=1&cursor={page['nextCursor']}")
        self.assertEqual(names[1], again["databases"][0]["name"])

    def test_a_definition_is_told_as_it_is_in_effect(self):
        made = create(self.client, "whole", description="a bé", dimension=7, metric="dot",
                      index={"type": "HNSW", "parameters": {"m": 5, "efSearch": 9}}, sharding={"numShards": 2},
                      vectors={"b": {"dimension": 9, "metric": "hamming"}, "c": {"dimension": 1, "metric": "manhattan"}})
        self.assertRegex(made["databaseId"], r"^db:[0-9A-HJKMNP-TV-Z]{26}$")
        self.assertRegex(made["createdAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(("whole", "a bé", 7, "dot", "f32", 2, "durable"),
                         (made["name"], made["description"], made["dimension"], made["metric"], made["elementType"],
                          made["sharding"]["numShards"], made["durability"]))
        self.assertEqual(("HNSW", {"m": 5, "efConstruction": 200, "efSearch": 9}),
                         (made["index"]["type"], made["index"]["parameters"]))
        self.assertEqual(("bit", "f32"), (made["vectors"]["b"]["elementType"], made["vectors"]["c"]["elementType"]))
        self.assertEqual(made, self.client.ok("GET", "/v1/databases/whole"))
        self.assertEqual(made, self.client.ok("GET", f"/v1/databases/{made['databaseId']}"))
        self.assertEqual(made, self.client.ok("GET", f"/v1/databases/{made['databaseId'].replace(':', '%3A')}"))
        self.server.kill()
        self.server.start()
        type(self).client = self.server.client()
        self.assertEqual(made, self.client.ok("GET", "/v1/databases/whole"))

    def test_a_name_used_again_inherits_nothing(self):
        first = create(self.client, "again")
        store(self.client, "again", 0, 10)
        token = self.client.ok("POST", "/v1/databases/again/vectors", {"id": "x", "vector": [1, 1]})["token"]
        self.assertEqual({"deleted": True}, self.client.ok("DELETE", "/v1/databases/again"))
        for answer in (self.client.get("/v1/databases/again"), self.client.get(f"/v1/databases/{first['databaseId']}"),
                       self.client.get("/v1/databases/again/vectors/1"), self.client.request("DELETE", "/v1/databases/again")):
            self.assertEqual((404, "DATABASE_NOT_FOUND"), (answer.status, answer.error["code"]))
        self.assertEqual([], self.server.database_directories())
        second = create(self.client, "again", dimension=3)
        self.assertNotEqual(first["databaseId"], second["databaseId"])
        self.assertEqual(0, self.client.count("again"))
        answer = self.client.post("/v1/databases/again/search", {"vector": [1, 2, 3], "token": token})
        self.assertEqual((400, "INVALID_TOKEN"), (answer.status, answer.error["code"]))

    def test_a_database_is_made_once_however_many_ask(self):
        answers = []

        def make():
            with self.server.client() as client:
                answers.append(client.post("/v1/databases", {"name": "race", "dimension": 2}).status)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        self.assertEqual([201] + [409] * 7, sorted(answers))

    def test_records_come_change_and_go(self):
        create(self.client, "r", vectors={"b": {"dimension": 1}})
        path = "/v1/databases/r/vectors"
        first = self.client.request("POST", path, {"id": "x", "vector": [1, 2], "metadata": {"a": 1}})
        self.assertEqual((201, True, "durable"), (first.status, first.json["created"], first.json["durability"]))
        again = self.client.ok("POST", f"{path}?upsert=true", {"id": "x", "vectors": {"": [3, 4], "b": [5]}})
        self.assertFalse(again["created"])
        self.assertGreater(again["version"], first.json["version"])
        record = self.client.ok("GET", f"{path}/x")
        self.assertEqual(({"": [3, 4], "b": [5]}, again["version"], "active"),
                         (record["vectors"], record["version"], record["state"]))
        self.assertNotIn("metadata", record)
        put = self.client.ok("PUT", f"{path}/x", {"metadata": {"b": 2}})
        self.assertGreater(put["version"], again["version"])
        record = self.client.ok("GET", f"{path}/x")
        self.assertEqual(({"": [3, 4], "b": [5]}, {"b": 2}), (record["vectors"], record["metadata"]))
        self.assertLessEqual(record["createdAt"], record["updatedAt"])
        found = self.client.ok("POST", "/v1/databases/r/search",
                               {"vector": [3, 4], "token": put["token"], "includeMetadata": True, "includeVector": True})
        self.assertEqual([("x", 0, {"b": 2}, put["version"])],
                         [(hit["id"], hit["distance"], hit["metadata"], hit["version"]) for hit in found["results"]])
        gone = self.client.ok("DELETE", f"{path}/x")
        self.assertEqual((True, True), (gone["deleted"], gone["version"] > put["version"]))
        self.assertEqual("VECTOR_NOT_FOUND", self.client.get(f"{path}/x").error["code"])
        self.assertEqual(0, self.client.count("r"))
        self.assertEqual([], self.client.ok("POST", "/v1/databases/r/search", {"vector": [3, 4]})["results"])
        back = self.client.request("POST", path, {"id": "x", "vector": [1, 2]})
        self.assertEqual((201, True), (back.status, back.json["created"]))
        self.assertGreater(back.json["version"], gone["version"])
        rows = [{"id": "y", "vector": [1, 1]}, {"id": "y", "vector": [2, 2]}]
        twice = self.client.ok("POST", f"{path}/batch", {"vectors": rows})
        self.assertEqual((1, [(1, "ALREADY_EXISTS")]),
                         (twice["inserted"], [(row["index"], row["code"]) for row in twice["errors"]]))
        self.client.ok("POST", f"{path}/batch?upsert=true", {"vectors": [{"id": "z", "vector": [1, 1]},
                                                                         {"id": "z", "vector": [2, 2]}]})
        self.assertEqual([2, 2], self.client.ok("GET", f"{path}/z")["vector"])


class WhatItSays(ServerTest):
    """Request ids, the log, limits and documents."""

    def test_request_ids_are_echoed_made_and_logged(self):
        answer = self.client.get("/v1/databases", headers={"X-Request-Id": "my-id.42"})
        self.assertEqual("my-id.42", answer.headers["X-Request-Id"])
        event = wait_until(lambda: [event for event in self.server.events("request")
                                    if event["request_id"] == "my-id.42"], "the request in the log")[0]
        self.assertEqual(("GET", "/v1/databases", 200, "info"),
                         (event["method"], event["route"], event["status"], event["level"]))
        self.assertGreaterEqual(event["duration_us"], 0)
        refused = self.client.get("/nowhere", headers={"X-Request-Id": "my-id.43"})
        self.assertEqual(("my-id.43", "my-id.43"), (refused.headers["X-Request-Id"], refused.error["requestId"]))
        made = {self.client.get("/health").headers["X-Request-Id"] for _ in range(10)}
        self.assertEqual(10, len(made))
        for hostile in ("a b", "x" * 129, '"}', "<script>", "${x}", "a\tb", "\xe9", "'", "a;b", "%0d%0a"):
            answer = self.client.get("/v1/nothing", headers={"X-Request-Id": hostile})
            self.assertRegex(answer.headers["X-Request-Id"], r"^req-[0-9a-f]{16}$", hostile)
            self.assertEqual(answer.headers["X-Request-Id"], answer.error["requestId"])
        for good in ("x" * 128, "0af7651916cd43dd8448eb211c80319c", "Root=1-67891233-abc;"[:-1], "a/b:c+d@e~f._-"):
            answer = self.client.get("/health", headers={"X-Request-Id": good})
            self.assertEqual(good, answer.headers["X-Request-Id"])

    def test_the_log_is_one_json_object_a_line_without_ids_or_contents(self):
        create(self.client, "logged")
        self.client.ok("POST", "/v1/databases/logged/vectors",
                       {"id": "canary-id", "vector": [1, 2], "metadata": {"a": "canary-metadata"}})
        self.client.ok("GET", "/v1/databases/logged/vectors/canary-id")
        wait_until(lambda: len([event for event in self.server.events("request") if "canary" not in event]) >= 3, "the log")
        for line in list(self.server.lines):
            event = json.loads(line)
            self.assertLessEqual({"ts", "level", "event"}, event.keys())
        self.assertNotIn("canary", "\n".join(self.server.lines))

    def test_limits(self):
        limits = self.client.ok("GET", "/v1/limits")
        self.assertEqual((512, 16384, 10000, 65536, 16), (limits["idBytesMax"], limits["dimensionMax"], limits["topKMax"],
                                                          limits["metadataBytesMax"], limits["metadataDepthMax"]))
        works = {(one["metric"], one["elementType"], one["index"]) for one in limits["combinations"]}
        for i, (metric, element, index) in enumerate(sorted(works)):
            create(self.client, f"works{i}", metric=metric, elementType=element, index={"type": index})
        self.assertNotIn(("hamming", "f32", "FLAT"), works)

    def test_health_needs_no_rights_and_tells_no_names(self):
        answer = self.client.get("/health", headers={"Host": "elsewhere.example"})
        self.assertEqual((200, {"status": "ready", "reasons": []}), (answer.status, answer.json))
        head = self.client.request("HEAD", "/health")
        self.assertEqual((200, b"", str(len(answer.body))), (head.status, head.body, head.headers["Content-Length"]))

    def test_the_document_is_the_program_s_and_the_repository_s(self):
        served = self.client.get("/openapi.json")
        self.assertEqual("application/json", served.headers["Content-Type"].split(";")[0])
        printed = run_program("openapi")
        self.assertEqual((0, ""), (printed.returncode, printed.stderr))
        self.assertEqual(printed.stdout, served.body.decode())
        self.assertEqual((ROOT / "api/openapi.json").read_text(encoding="utf-8"), printed.stdout,
                         "api/openapi.json is what `jade-db openapi` prints")
        document = served.json
        self.assertRegex(document["openapi"], r"^3\.1\.")
        for path, operations in document["paths"].items():
            for method in operations:
                if method in ("get", "post", "put", "delete"):
                    concrete = re.sub(r"\{\w+\}", "nowhere", path)
                    answer = self.client.request(method.upper(), concrete, {} if method in ("post", "put") else None)
                    self.assertNotIn(answer.error.get("code"), ("ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED", "INTERNAL"),
                                     f"{method} {path}")
                    self.assertIn(str(answer.status), operations[method]["responses"], f"{method} {path}")

    def test_the_reference_page_shows_every_operation_and_loads_nothing(self):
        answer = self.client.get("/docs", headers={"Host": "elsewhere.example"})
        page = answer.body.decode()
        self.assertEqual((200, "text/html"), (answer.status, answer.headers["Content-Type"].split(";")[0]))
        for path in self.client.ok("GET", "/openapi.json")["paths"]:
            self.assertIn(path.replace("{", "").split("}")[0].rsplit("/", 1)[0], page.replace("{", ""))
        self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"])
        self.assertNotRegex(page, r"<script|<link|<img|@import|src=|url\(")

    def test_many_requests_share_a_connection_and_many_connections_a_server(self):
        create(self.client, "busy")
        store(self.client, "busy", 0, 1000)
        failures = []

        def ask():
            with self.server.client() as client:
                for i in range(scaled(50)):
                    hits = client.ok("POST", "/v1/databases/busy/search", {"vector": [i, 1], "topK": 1})["results"]
                    if hits[0]["id"] != str(i % 1000):
                        failures.append(hits)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        self.assertEqual([], failures)
        self.assertFalse(any(thread.is_alive() for thread in threads))
        print(f"{16 * scaled(50)} searches in {time.monotonic() - began:.2f} s", flush=True)
        # Pipelined requests are answered in their order.
        one = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %d\r\n\r\n"
        last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as connection:
            connection.sendall(b"".join(one % i for i in range(9)) + last % 9)
            text = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertEqual([str(i).encode() for i in range(10)], re.findall(rb"X-Request-Id: (\d)\r\n", text))


if __name__ == "__main__":
    unittest.main()
