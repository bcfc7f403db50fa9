#!/usr/bin/env python3
"""20,000 real word vectors over REST: nothing is lost to kill -9, exact search is exact, the graph finds what it should."""

import functools
import http.client
import json
import shutil
import sys
import tempfile
import threading
import time
import unittest
from urllib.parse import quote

from harness import (BINARY, PATIENCE_S, Server, binary_batch, distance, nearest, pack, sample_rows, scaled,
                     seeded_random, similarity, unpack, wait_until)

WORDS = 20_000
DIMENSION = 100
JSON_ROWS = 400
BINARY_ROWS = 1000

CITIES = set("""london berlin vienna rome madrid brussels prague amsterdam munich moscow lyon marseille milan geneva zurich
    barcelona lisbon stockholm copenhagen hamburg frankfurt montreal bordeaux strasbourg nice toulouse budapest tokyo
    warsaw athens dublin cannes venice turin cologne antwerp rotterdam nantes lille florence dresden leipzig
    versailles sydney melbourne chicago boston philadelphia toronto petersburg""".split())
ROYALTY = set("""queen prince king princess monarch throne kings kingdom crown emperor duke son father lord royal ruler
    brother nephew sultan heir reign regent henry edward charles ii iii iv vi vii viii george james""".split())


@functools.lru_cache(maxsize=1)
def words(count=WORDS + 1000):
    """Real rows; those after the first WORDS are never loaded and serve as queries."""
    return sample_rows(count)


def wire_rows(rows):
    """Rows as a JSON batch has them."""
    return [{"id": word, "vector": list(unpack(vector)), "metadata": metadata} for word, vector, metadata in rows]


def load_batch(client, database, rows, as_binary, query="?upsert=true"):
    """Stores a batch; all of its rows must be taken."""
    path = f"/v1/databases/{database}/vectors/batch{query}"
    if as_binary:
        answer = client.ok("POST", path, binary_batch(rows, len(rows[0][1]) // 4), content_type=BINARY)
    else:
        answer = client.ok("POST", path, {"vectors": wire_rows(rows)})
    if answer["errors"] or answer["inserted"] + answer["updated"] != len(rows):
        raise AssertionError(f"rows were refused: {json.dumps(answer)[:500]}")


def load(client, database, rows):
    """Stores all rows, in binary."""
    for begin in range(0, len(rows), BINARY_ROWS):
        load_batch(client, database, rows[begin:begin + BINARY_ROWS], True)


def batches(rows):
    """(rows, as binary): JSON and binary by turns."""
    begin, as_binary = 0, False
    while begin < len(rows):
        end = begin + (BINARY_ROWS if as_binary else JSON_ROWS)
        yield rows[begin:end], as_binary
        begin, as_binary = end, not as_binary


def read_back(client, database, ids):
    """[(packed vector, metadata) or None] of records, in the order of their ids."""
    found = []
    for begin in range(0, len(ids), 2000):
        page = client.ok("POST", f"/v1/databases/{database}/vectors/get", {"ids": ids[begin:begin + 2000]})["vectors"]
        for name, record in zip(ids[begin:begin + 2000], page):
            if record is not None and record["id"] != name:
                raise AssertionError(f"asked for {name!r}, got {record['id']!r}")
            found.append(record and (pack(record["vector"]), record.get("metadata")))
    return found


def wait_indexed(client, database):
    """Waits until the graph holds every vector."""
    wait_until(lambda: client.ok("GET", f"/v1/databases/{database}/status")["counts"]["unindexed"] == 0,
               f"the graph of {database}", 2 * PATIENCE_S)


def search(client, database, **body):
    """The answer to a search."""
    return client.ok("POST", f"/v1/databases/{database}/search", body)


def create(client, name, **body):
    """Makes a database."""
    return client.ok("POST", "/v1/databases", {"name": name, **body})


class Loaded:
    """A server that took all words, killed during the load and right after it. What it lost is an AssertionError."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="jade-e2e-words-")
        self.server = Server(self.directory)
        self.random = seeded_random()

    def close(self):
        """Ends the server and removes its files."""
        self.server.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_and_load(self):
        """Loads with a kill in the middle of a batch, goes on, and is killed right after the last answer."""
        self.server.start()
        with self.server.client() as client:
            create(client, "words", dimension=DIMENSION, metric="cosine", index={"type": "HNSW"})
        rows = words()[:WORDS]
        plan = list(batches(rows))
        done = 0
        for _ in range(2):
            done = self.load_until_killed(plan, done, min(done + self.random.randrange(3, 8), len(plan) - 1))
        with self.server.client() as client:
            for some, as_binary in plan[done:]:
                load_batch(client, "words", some, as_binary)
        self.server.kill()
        self.server.start()

    def load_until_killed(self, plan, done, cut):
        """Loads; from batch `cut` on, kill -9 comes at any moment. Returns how many batches are there after a restart."""
        with self.server.client() as client:
            for some, as_binary in plan[done:cut]:
                load_batch(client, "words", some, as_binary)
            self.check(plan[:cut], None)
            killer = threading.Timer(self.random.uniform(0, 0.04), self.server.process.kill)
            killer.start()
            began, at = time.monotonic(), cut
            try:
                while True:
                    # A fast machine that reaches the end repeats the last batch.
                    load_batch(client, "words", *plan[min(at, len(plan) - 1)])
                    at += 1
            except (OSError, http.client.HTTPException):
                print(f"killed in batch {at} of {len(plan)}, after {time.monotonic() - began:.3f} s", flush=True)
        self.server.wait_end()
        self.server.start()
        self.check(plan[:at], plan[at] if at < len(plan) else None)
        return min(at + 1, len(plan))

    def check(self, acknowledged, uncertain):
        """Every acknowledged row is there to the bit; the batch that nobody answered is there whole, or not at all."""
        sure = [row for some, _ in acknowledged for row in some]
        with self.server.client() as client:
            check_rows(client, "words", sure)
            count = client.count("words")
            if uncertain is None:
                assert_equal(len(sure), count, "count")
                return
            found = read_back(client, "words", [row[0] for row in uncertain[0]])
            if any(found):
                assert_equal([row[1:] for row in uncertain[0]], found, "the batch that was not answered")
            assert_equal(len(sure) + sum(record is not None for record in found), count, "count")
            # Sent again, as a client would.
            load_batch(client, "words", *uncertain)


def assert_equal(expected, got, what):
    """Fails with the first difference, not with megabytes."""
    if expected == got:
        return
    if isinstance(expected, list):
        for i, (one, other) in enumerate(zip(expected, got)):
            if one != other:
                raise AssertionError(f"{what}, row {i}: expected {one!r:.300}, got {other!r:.300}")
    raise AssertionError(f"{what}: expected {expected!r:.300}, got {got!r:.300}")


def check_rows(client, database, rows):
    """These rows read back, vectors to the bit and metadata exactly."""
    assert_equal([row[1:] for row in rows], read_back(client, database, [row[0] for row in rows]), database)


@functools.lru_cache(maxsize=1)
def loaded():
    """The server with all words, made by the first test that wants it."""
    made = Loaded()
    unittest.addModuleCleanup(made.close)
    made.start_and_load()
    return made


class WordsSurviveKills(unittest.TestCase):
    """What was acknowledged is there."""

    def test_every_word_reads_back_bit_exactly_after_kills_during_and_after_the_load(self):
        with loaded().server.client() as client:
            self.assertEqual(WORDS, client.count("words"))
            check_rows(client, "words", words()[:WORDS])

    def test_two_named_vectors_survive_and_are_searched_apart(self):
        rows = words()[:2000]
        with Server() as server:
            client = server.client()
            create(client, "pair", vectors={
                "whole": {"dimension": DIMENSION, "metric": "cosine", "index": {"type": "HNSW"}},
                "head": {"dimension": 20, "metric": "euclidean", "index": {"type": "FLAT"}}})
            for begin in range(0, len(rows), 500):
                some = [{"id": row[0], "vectors": {"whole": unpack(row[1]), "head": unpack(row[1])[:20]}}
                        for row in rows[begin:begin + 500]]
                answer = client.ok("POST", "/v1/databases/pair/vectors/batch", {"vectors": some})
                self.assertEqual((500, []), (answer["inserted"], answer["errors"]))
            server.kill()
            server.start()
            client = server.client()
            self.assertEqual(len(rows), client.count("pair"))
            got = client.ok("POST", "/v1/databases/pair/vectors/get", {"ids": [row[0] for row in rows]})["vectors"]
            for row, record in zip(rows, got):
                self.assertEqual({"whole", "head"}, set(record["vectors"]))
                self.assertEqual(row[1], pack(record["vectors"]["whole"]))
                self.assertEqual(row[1][:80], pack(record["vectors"]["head"]))
            whole = [(row[0], unpack(row[1])) for row in rows]
            head = [(row[0], unpack(row[1])[:20]) for row in rows]
            wait_indexed(client, "pair")
            for query in whole[100:110]:
                by_whole = search(client, "pair", vector=query[1], vectorName="whole", topK=5, exact=True)
                by_head = search(client, "pair", vector=query[1][:20], vectorName="head", topK=5)
                check_results(self, by_whole, "cosine", query[1], whole, 5)
                check_results(self, by_head, "euclidean", query[1][:20], head, 5)
            graph = search(client, "pair", vector=whole[100][1], vectorName="whole", topK=5)
            self.assertEqual(("HNSW", "FLAT"), (graph["indexUsed"], by_head["indexUsed"]))
            self.assertEqual(whole[100][0], graph["results"][0]["id"])
            wrong = client.post("/v1/databases/pair/search", {"vector": whole[0][1], "vectorName": "head", "topK": 5})
            self.assertEqual((400, "DIMENSION_MISMATCH"), (wrong.status, wrong.error.get("code")))


class WordsAreFound(unittest.TestCase):
    """The graph against exact search."""

    def test_graph_recall_at_10(self):
        queries = [unpack(row[1]) for row in words()[WORDS:WORDS + max(500, min(1000, scaled(500)))]]
        client = loaded().server.client()
        wait_indexed(client, "words")
        truth = []
        for query in queries:
            answer = search(client, "words", vector=query, topK=10, exact=True)
            self.assertEqual("FLAT", answer["indexUsed"])
            truth.append({hit["id"] for hit in answer["results"]})
            self.assertEqual(10, len(truth[-1]))
        for effort, wanted in ((64, 0.99), (20, 0.94)):
            found = 0
            for query, expected in zip(queries, truth):
                answer = search(client, "words", vector=query, topK=10, efSearch=effort)
                self.assertEqual("HNSW", answer["indexUsed"])
                found += len(expected & {hit["id"] for hit in answer["results"]})
            recall = found / (10 * len(queries))
            print(f"recall@10 at efSearch {effort}: {recall:.4f} over {len(queries)} queries", flush=True)
            self.assertGreaterEqual(recall, wanted, f"efSearch {effort}")

    def test_a_graph_forgets_what_was_deleted_or_replaced(self):
        rows = words()[:3000]
        now = {row[0]: unpack(row[1]) for row in rows}
        with Server() as server:
            client = server.client()
            create(client, "churn", dimension=DIMENSION, index={"type": "HNSW"})
            load(client, "churn", rows)
            wait_indexed(client, "churn")
            # Every third word takes the vector of another, every fifth of the rest goes.
            moved = [(row[0], words()[5000 + i][1], None) for i, row in enumerate(rows) if i % 3 == 0]
            load(client, "churn", moved)
            now.update((name, unpack(vector)) for name, vector, _ in moved)
            gone = [row[0] for i, row in enumerate(rows) if i % 3 and i % 5 == 0]
            for name in gone:
                client.ok("DELETE", f"/v1/databases/churn/vectors/{quote(name, safe='')}")
                del now[name]
            wait_indexed(client, "churn")
            self.assertEqual(len(now), client.count("churn"))
            found = wanted = 0
            for row in rows[::30] + [(name, vector) for name, vector, _ in moved[::10]]:
                query = unpack(row[1])
                answer = search(client, "churn", vector=query, topK=10)
                truth = search(client, "churn", vector=query, topK=10, exact=True)["results"]
                self.assertEqual("HNSW", answer["indexUsed"])
                self.assertEqual(10, len(answer["results"]))
                for hit in answer["results"]:
                    self.assertIn(hit["id"], now)
                    self.assertAlmostEqual(distance("cosine", query, now[hit["id"]]), hit["distance"], delta=2e-5)
                wanted += 10
                found += len({hit["id"] for hit in truth} & {hit["id"] for hit in answer["results"]})
            print(f"recall@10 after {len(moved)} replaced and {len(gone)} deleted: {found / wanted:.4f}", flush=True)
            self.assertGreaterEqual(found / wanted, 0.98)

    def test_neighbours_of_paris_are_cities_and_of_king_royalty(self):
        client = loaded().server.client()
        for word, family, wanted in (("paris", CITIES, 6), ("king", ROYALTY, 6)):
            answer = search(client, "words", id=word, topK=10, includeMetadata=True)
            names = [hit["id"] for hit in answer["results"]]
            self.assertNotIn(word, names)
            self.assertGreaterEqual(len(family.intersection(names)), wanted, f"near {word}: {names}")
            self.assertTrue(all(hit["metadata"]["rank"] <= WORDS for hit in answer["results"]))


def check_results(test, answer, metric, query, rows, top_k):
    """The hits are the oracle's: same scores rank by rank, same ids wherever scores differ by more than float32 tells."""
    vectors = dict(rows)
    expected = nearest(metric, query, rows, top_k + 50)
    hits = answer["results"]
    test.assertEqual(min(top_k, len(rows)), len(hits))
    # Of a sum of 100 float32 products, by its size; distances near 0 under cosine and euclidean cancel.
    slack = 2e-5 * max(1.0, *(abs(value) for value, _ in expected))
    test.assertEqual(len(hits), len({hit["id"] for hit in hits}))
    for hit, (value, name) in zip(hits, expected):
        test.assertAlmostEqual(value, hit["distance"], delta=slack)
        true = distance(metric, query, vectors[hit["id"]])
        test.assertAlmostEqual(true, hit["distance"], delta=slack, msg=hit["id"])
        test.assertAlmostEqual(similarity(metric, true, len(query)), hit["similarity"], delta=slack, msg=hit["id"])
        if hit["id"] != name:
            other = next(v for v, n in expected if n == hit["id"])
            test.assertLess(abs(other - value), slack, f"{hit['id']} stands where {name} belongs")
    for one, other in zip(hits, hits[1:]):
        test.assertLessEqual(one["distance"], other["distance"])
        if one["distance"] == other["distance"] and vectors[one["id"]] == vectors[other["id"]]:
            test.assertLess(one["id"].encode(), other["id"].encode())


class ExactSearchIsExact(unittest.TestCase):
    """FLAT and exact=true against brute force in double precision, ties by id; one shard against four."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()

    def setUp(self):
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def test_flat_and_exact_equal_brute_force_in_every_metric(self):
        some = words()[:1950]
        rows = [(row[0], row[1], None) for row in some]
        # Ties: the same vectors again, under ids that sort before, between and after, and not in ASCII order of letters.
        for i, prefix in enumerate(["!", "Z", "a", "~", "é"] * 10):
            rows.append((f"{prefix}{i}", some[i // 5 * 7][1], None))
        plain = [(row[0], unpack(row[1])) for row in rows]
        queries = [unpack(row[1]) for row in words()[WORDS:WORDS + scaled(10)]] + [plain[i * 7][1] for i in range(10)]
        for metric in ("cosine", "euclidean", "dot", "manhattan"):
            for index in ("FLAT", "HNSW"):
                name = f"{metric}-{index}"
                create(self.client, name, dimension=DIMENSION, metric=metric, index={"type": index})
                load(self.client, name, rows)
            for query in queries:
                with self.subTest(metric=metric):
                    flat = search(self.client, f"{metric}-FLAT", vector=query, topK=20)
                    exact = search(self.client, f"{metric}-HNSW", vector=query, topK=20, exact=True)
                    check_results(self, flat, metric, query, plain, 20)
                    self.assertEqual(("FLAT", "FLAT"), (flat["indexUsed"], exact["indexUsed"]))
                    self.assertEqual(1, flat["estimatedRecall"])
                    self.assertEqual([(hit["id"], hit["distance"]) for hit in flat["results"]],
                                     [(hit["id"], hit["distance"]) for hit in exact["results"]])
                    fifth = flat["results"][4]
                    within = [hit for hit in flat["results"] if hit["distance"] <= fifth["distance"]]
                    for bound in ({"threshold": fifth["similarity"]}, {"maxDistance": fifth["distance"]}):
                        bounded = search(self.client, f"{metric}-FLAT", vector=query, topK=20, **bound)
                        self.assertEqual(within, bounded["results"], bound)
            # A vector that stands six times: its copies come in the order of their ids' bytes.
            if metric != "dot":
                hits = search(self.client, f"{metric}-FLAT", vector=plain[7][1], topK=6)["results"]
                expected = sorted((name for name, vector in plain if vector == plain[7][1]), key=str.encode)
                self.assertEqual(expected, [hit["id"] for hit in hits])

    def test_bits_equal_brute_force(self):
        random = seeded_random()
        rows = [(f"b{i}", [random.randrange(2) for _ in range(61)]) for i in range(500)]
        create(self.client, "bits", dimension=61, metric="hamming", elementType="bit", index={"type": "FLAT"})
        answer = self.client.ok("POST", "/v1/databases/bits/vectors/batch",
                                {"vectors": [{"id": name, "vector": bits} for name, bits in rows]})
        self.assertEqual((500, []), (answer["inserted"], answer["errors"]))
        for _, query in rows[:scaled(10)]:
            hits = search(self.client, "bits", vector=query, topK=50)["results"]
            self.assertEqual([(name, value) for value, name in nearest("hamming", query, rows, 50)],
                             [(hit["id"], hit["distance"]) for hit in hits])

    def test_four_shards_equal_one(self):
        rows = words()[:5000]
        for name, shards in (("one", 1), ("four", 4)):
            create(self.client, name, dimension=DIMENSION, sharding={"numShards": shards})
            load(self.client, name, rows)
            self.assertEqual(5000, self.client.count(name))
        for row in words()[WORDS:WORDS + scaled(40)]:
            for options in ({"topK": 25}, {"topK": 100, "threshold": 0.4}, {"topK": 100, "maxDistance": 0.5}):
                one, four = (search(self.client, name, vector=unpack(row[1]), exact=True, **options)["results"]
                             for name in ("one", "four"))
                self.assertEqual([(hit["id"], hit["similarity"], hit["distance"]) for hit in one],
                                 [(hit["id"], hit["similarity"], hit["distance"]) for hit in four])
                for hit in four:
                    self.assertGreaterEqual(hit["similarity"], options.get("threshold", -1))
                    self.assertLessEqual(hit["distance"], options.get("maxDistance", 2))
        by_id = [[hit["id"] for hit in search(self.client, name, id="paris", topK=10, exact=True)["results"]]
                 for name in ("one", "four")]
        self.assertEqual(*by_id)


if __name__ == "__main__":
    try:
        words()
    except AssertionError as missing:
        sys.exit(f"FAILED: {missing}")
    unittest.main()
