#!/usr/bin/env python3
"""What a caller can get wrong: each row of the table gets the contract's status and code, and nothing is stored."""

import json
import socket
import struct
import unittest
from urllib.parse import quote

from harness import BINARY, ServerTest, binary_batch, pack, read_response, seeded_random, table

DB = "/v1/databases/good"
GOOD = [1, 2, 3, 4]
BODY_BYTES_MAX = 4 << 20
WRONG = "INVALID_ARGUMENT"
RANGE = "VALUE_OUT_OF_RANGE"
UNBUILT = "NOT_SUPPORTED"


class Case:
    """A request and the answer that it must get."""

    def __init__(self, name, path, body=None, code=WRONG, status=400, method="POST", content_type="application/json",
                 headers=None, details=None, says="", answer_headers=None):
        self.name = name
        self.request = {"method": method, "path": path, "body": body, "headers": headers, "content_type": content_type}
        self.code = code
        self.status = status
        self.details = details or {}
        self.says = says
        self.answer_headers = answer_headers or {}


def record(case, code=WRONG, details=None, says="", **fields):
    """A single record that is refused."""
    return Case(f"record: {case}", f"{DB}/vectors", {"id": "bad", "vector": GOOD, **fields}, code, details=details,
                says=says)


def raw(name, body, code=WRONG, path=f"{DB}/vectors", **options):
    """A body as it is written here."""
    return Case(f"text: {name}", path, body, code, **options)


def raw_record(name, members, code=WRONG, **options):
    """A record with members as they are written here."""
    return raw(name, '{"id":"bad",' + members + "}", code, **options)


def with_metadata(name, text, code=WRONG, **options):
    """A record with metadata as it is written here."""
    return raw_record(f"metadata: {name}", f'"vector":[1,2,3,4],"metadata":{text}', code, **options)


def search(case, code=WRONG, details=None, **fields):
    """A search that is refused."""
    body = {"vector": GOOD, **fields}
    return Case(f"search: {case}", f"{DB}/search", {k: v for k, v in body.items() if v is not ...}, code,
                details=details)


def database(case, code=WRONG, details=None, says="", **fields):
    """A database that is refused."""
    body = {"name": "bad", "dimension": 4, **fields}
    return Case(f"database: {case}", "/v1/databases", {k: v for k, v in body.items() if v is not ...}, code,
                details=details, says=says)


def binary(name, body, says=""):
    """A binary batch that is refused as a whole."""
    return Case(f"binary: {name}", f"{DB}/vectors/batch", body, content_type=BINARY, says=says)


def nested(depth):
    """An object that many levels deep."""
    return '{"a":' * depth + "1" + "}" * depth


RECORDS = [
    record("too few elements", "DIMENSION_MISMATCH", {"expected": 4, "got": 3}, vector=[1, 2, 3]),
    record("too many elements", "DIMENSION_MISMATCH", {"expected": 4, "got": 5}, vector=[1, 2, 3, 4, 5]),
    record("no elements", "DIMENSION_MISMATCH", {"expected": 4, "got": 0}, vector=[]),
    record("zero vector under cosine", RANGE, {"field": "vector"}, vector=[0, 0, 0, 0]),
    record("almost zero under cosine", RANGE, {"field": "vector"}, vector=[1e-16, 0, 0, 0]),
    record("longer than 2^60", RANGE, {"field": "vector"}, vector=[1.2e18, 0, 0, 0]),
    record("vector of text", details={"field": "vector[1]"}, vector=[1, "2", 3, 4]),
    record("vector of null", details={"field": "vector[2]"}, vector=[1, 2, None, 4]),
    record("vector in a vector", details={"field": "vector[0]"}, vector=[[1, 2, 3, 4]]),
    record("vector is an object", details={"field": "vector"}, vector={"0": 1}),
    record("vector and vectors", details={"field": "vector"}, vectors={"x": GOOD}),
    Case("record: unknown vector name", f"{DB}/vectors", {"id": "bad", "vectors": {"x": GOOD}},
         details={"field": "vectors.x"}),
    Case("record: no vector", f"{DB}/vectors", {"id": "bad"}, details={"field": "vector"}),
    Case("record: no id", f"{DB}/vectors", {"vector": GOOD}, details={"field": "id"}),
    record("empty id", details={"field": "id"}, id=""),
    record("id of 513 bytes", details={"field": "id"}, id="x" * 513),
    record("id of 257 characters that are 514 bytes", details={"field": "id"}, id="é" * 257),
    record("id with a newline", details={"field": "id"}, id="a\nb"),
    record("id with U+0000", details={"field": "id"}, id="a\0b"),
    record("id with U+007F", details={"field": "id"}, id="a\x7f"),
    record("id with U+0085", details={"field": "id"}, id="a\x85"),
    record("id is a number", details={"field": "id"}, id=7),
    record("id is null", details={"field": "id"}, id=None),
    record("unknown field, nearest named", details={"field": "metdata"}, says='"metadata"', metdata={}),
    record("unknown field", details={"field": "whatever"}, says="whatever", whatever=1),
    raw_record("NaN", '"vector":[1,2,NaN,4]'),
    raw_record("Infinity", '"vector":[1,2,Infinity,4]'),
    raw_record("-Infinity", '"vector":[-Infinity,2,3,4]'),
    raw_record("1e39 overflows float32", '"vector":[1e39,2,3,4]', RANGE, details={"field": "vector[0]"}),
    raw_record("the least double that rounds to infinity", '"vector":[1,-3.4028235677973367e38,3,4]', RANGE,
               details={"field": "vector[1]"}),
    raw_record("1e999", '"vector":[1,2,3,1e999]', RANGE, details={"field": "vector[3]"}),
    raw_record("number with a leading zero", '"vector":[01,2,3,4]'),
    raw_record("hexadecimal", '"vector":[0x1,2,3,4]'),
    raw_record("number with a plus", '"vector":[+1,2,3,4]'),
    raw_record("number that ends in a point", '"vector":[1.,2,3,4]'),
    raw_record("duplicate key", '"vector":[1,2,3,4],"vector":[1,2,3,4]'),
    raw_record("duplicate key, spelt with an escape", '"vector":[1,2,3,4],"v\\u0065ctor":[1,2,3,4]'),
    raw_record("comma at the end", '"vector":[1,2,3,4],'),
    raw_record("comment", '"vector":[1,2,3,4] /* hello */'),
    raw("single quotes", "{'id':'bad','vector':[1,2,3,4]}"),
    raw("trailing data", '{"id":"bad","vector":[1,2,3,4]} {}'),
    raw("trailing garbage", '{"id":"bad","vector":[1,2,3,4]}x'),
    raw("cut short", '{"id":"bad","vector":[1,2,3,4]'),
    raw("empty body", b""),
    raw("white space", b"   "),
    raw("byte order mark", b'\xef\xbb\xbf{"id":"bad","vector":[1,2,3,4]}'),
    raw("an array", "[]"),
    raw("a string", '"bad"'),
    raw("null", "null"),
    raw("U+0000 after the end", b'{"id":"bad","vector":[1,2,3,4]}\0'),
    raw("lone high surrogate in the id", '{"id":"\\ud800","vector":[1,2,3,4]}'),
    raw("lone low surrogate in the id", '{"id":"x\\udc00y","vector":[1,2,3,4]}'),
    raw("surrogates the wrong way round", '{"id":"\\udc00\\ud800","vector":[1,2,3,4]}'),
    raw("surrogate encoded as UTF-8", b'{"id":"\xed\xa0\x80","vector":[1,2,3,4]}'),
    raw("invalid UTF-8 in the id", b'{"id":"\xff\xfe","vector":[1,2,3,4]}'),
    raw("overlong UTF-8 in the id", b'{"id":"\xc0\xaf","vector":[1,2,3,4]}'),
    raw("UTF-8 cut short in the id", b'{"id":"\xe2\x82","vector":[1,2,3,4]}'),
    raw("raw newline in a string", '{"id":"a\nb","vector":[1,2,3,4]}'),
    raw("unknown escape", '{"id":"\\x","vector":[1,2,3,4]}'),
    raw("depth 5,000", '{"id":"bad","vector":[1,2,3,4],"metadata":' + nested(5000) + "}"),
    raw("depth 100,000", "[" * 100_000 + "]" * 100_000),
    raw("depth 100,000 never closed", '{"a":' * 100_000),
]

METADATA = [
    with_metadata("not an object", "[1]", details={"field": "metadata"}),
    with_metadata("a string", '"x"', details={"field": "metadata"}),
    with_metadata("2^63", '{"n":9223372036854775808}', RANGE, details={"field": "metadata.n"}),
    with_metadata("-2^63-1", '{"n":-9223372036854775809}', RANGE, details={"field": "metadata.n"}),
    with_metadata("an integer of 400 digits", '{"n":' + "9" * 400 + "}", RANGE, details={"field": "metadata.n"}),
    with_metadata("1e999", '{"a":{"n":[1,1e999]}}', RANGE, details={"field": "metadata.a.n[1]"}),
    with_metadata("NaN", '{"n":NaN}'),
    with_metadata("key with a $", '{"$set":1}', details={"field": "metadata.$set"}),
    with_metadata("inner key with a $", '{"a":[{"$gt":1}]}', details={"field": "metadata.a[0].$gt"}),
    with_metadata("duplicate key", '{"a":1,"a":2}'),
    with_metadata("inner duplicate key", '{"a":{"b":1,"b":1}}'),
    with_metadata("lone surrogate", '{"a":"\\ud834"}'),
    with_metadata("lone surrogate in a key", '{"\\udd1e":1}'),
    with_metadata("64 KiB and a byte", json.dumps({"a": "x" * (64 * 1024 - 7)}, separators=(",", ":")),
                  details={"field": "metadata", "limitBytes": 64 * 1024}),
    with_metadata("depth 17", nested(17), details={"limitDepth": 16}),
]

SEARCHES = [
    search("dimension", "DIMENSION_MISMATCH", {"expected": 4, "got": 2}, vector=[1, 2]),
    search("zero vector under cosine", RANGE, vector=[0, 0, 0, 0]),
    search("topK 0", details={"field": "topK"}, topK=0),
    search("topK 10,001", details={"field": "topK"}, topK=10_001),
    search("topK -1", details={"field": "topK"}, topK=-1),
    search("topK 1.5", details={"field": "topK"}, topK=1.5),
    search("topK as text", details={"field": "topK"}, topK="10"),
    search("topK 2^64", details={"field": "topK"}, topK=1 << 64),
    search("efSearch 0", details={"field": "efSearch"}, efSearch=0),
    search("efSearch 10,001", details={"field": "efSearch"}, efSearch=10_001),
    search("threshold and maxDistance", threshold=0.5, maxDistance=0.5),
    search("vector and id", id="kept"),
    search("neither vector nor id", vector=...),
    search("unknown id", "VECTOR_NOT_FOUND", vector=..., id="nowhere"),
    search("unknown vector name", vectorName="other"),
    search("bad token", "INVALID_TOKEN", token="nonsense"),
    search("unknown field", details={"field": "topk"}, topk=5),
    search("exact as text", details={"field": "exact"}, exact="true"),
]
SEARCHES[13].status = 404

DATABASES = [
    Case("database: no name", "/v1/databases", {"dimension": 4}, details={"field": "name"}),
    database("empty name", details={"field": "name"}, name=""),
    database("name of 256", details={"field": "name"}, name="x" * 256),
    database("name with a colon", details={"field": "name"}, name="db:x"),
    database("name with a slash", details={"field": "name"}, name="a/b"),
    database("name that is ..", details={"field": "name"}, name=".."),
    database("name in Cyrillic", details={"field": "name"}, name="база"),
    database("name that is taken", "ALREADY_EXISTS", name="good"),
    database("no dimension", dimension=..., details={"field": "dimension"}),
    database("dimension 0", dimension=0, details={"field": "dimension"}),
    database("dimension 16,385", dimension=16_385, details={"field": "dimension"}),
    database("dimension -4", dimension=-4, details={"field": "dimension"}),
    database("dimension 4.5", dimension=4.5, details={"field": "dimension"}),
    database("unknown metric", metric="angular", details={"field": "metric"}),
    database("hamming without bits", "UNSUPPORTED_COMBINATION", metric="hamming", elementType="f32"),
    database("bits without hamming", "UNSUPPORTED_COMBINATION", metric="cosine", elementType="bit"),
    database("description of 1,001", description="é" * 1001, details={"field": "description"}),
    database("0 shards", sharding={"numShards": 0}, details={"field": "sharding.numShards"}),
    database("65 shards", sharding={"numShards": 65}, details={"field": "sharding.numShards"}),
    database("m 3", index={"parameters": {"m": 3}}, details={"field": "index.parameters.m"}),
    database("m 65", index={"parameters": {"m": 65}}, details={"field": "index.parameters.m"}),
    database("efConstruction 7", index={"parameters": {"efConstruction": 7}},
             details={"field": "index.parameters.efConstruction"}),
    database("unknown index type", index={"type": "TREE"}, details={"field": "index.type"}),
    database("unknown parameter, nearest named", index={"parameters": {"efsearch": 7}}, says='"efSearch"',
             details={"field": "index.parameters.efsearch"}),
    database("replication with an unknown field", replication={"copies": 1}, details={"field": "replication.copies"}),
    database("no vectors by name", dimension=..., vectors={}, details={"field": "vectors"}),
]
DATABASES[7].status = 409

BINARIES = [
    binary("empty body", b""),
    binary("63 bytes", b"JDF1" + bytes(59)),
    binary("another magic", b"JDF2" + binary_batch([("bad", pack(GOOD), None)], 4)[4:], "JDF1"),
    binary("a byte too many", binary_batch([("bad", pack(GOOD), None)], 4) + b"\0"),
    binary("a byte too few", binary_batch([("bad", pack(GOOD), None)], 4)[:-1]),
    binary("rows that overflow", struct.pack("<4sIIIQQQ24x", b"JDF1", 16384, 2**32 - 1, 1, 0, 0, 0)),
    binary("sizes that overflow", struct.pack("<4sIIIQQQ24x", b"JDF1", 4, 0, 1, 2**64 - 4, 4, 0) + bytes(4)),
    binary("unknown flags", struct.pack("<4sIIIQQQ24x", b"JDF1", 4, 0, 5, 0, 4, 0) + bytes(4)),
    binary("dimension 0", struct.pack("<4sIIIQQQ24x", b"JDF1", 0, 0, 1, 0, 4, 0) + bytes(4)),
    binary("bytes in the reserved part", struct.pack("<4sIIIQQQ23xB", b"JDF1", 4, 0, 1, 0, 4, 0, 1) + bytes(4)),
    binary("offsets that descend", struct.pack("<4sIIIQQQ24x", b"JDF1", 1, 2, 1, 0, 13, 0) + pack([1, 2])
           + struct.pack("<3I", 0, 2, 1) + b"a"),
    binary("unknown option", binary_batch([("bad", pack(GOOD), None)], 4, b'{"atomc":true}'), "atomic"),
    Case("binary as JSON", f"{DB}/vectors/batch", binary_batch([("bad", pack(GOOD), None)], 4)),
]

PROTOCOL = [
    Case("unknown query parameter, nearest named", f"{DB}/vectors?upset=true", {"id": "bad", "vector": GOOD},
         details={"field": "upset"}, says='"upsert"'),
    Case("query parameter twice", f"{DB}/vectors?upsert=true&upsert=true", {"id": "bad", "vector": GOOD},
         details={"field": "upsert"}),
    Case("query parameter of another kind", f"{DB}/vectors?upsert=1", {"id": "bad", "vector": GOOD},
         details={"field": "upsert"}),
    Case("query of an operation that takes none", f"{DB}?x=1", method="GET", details={"field": "x"}),
    Case("limit 0", "/v1/databases?limit=0", method="GET", details={"field": "limit"}),
    Case("limit 1,001", "/v1/databases?limit=1001", method="GET", details={"field": "limit"}),
    Case("bad cursor", "/v1/databases?cursor=abc", method="GET", code="INVALID_CURSOR"),
    Case("forged cursor", "/v1/databases?cursor=" + "A" * 40, method="GET", code="INVALID_CURSOR"),
    Case("foreign Host", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNAUTHENTICATED", 401,
         headers={"Host": "evil.example"}),
    Case("Host that begins like ours", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNAUTHENTICATED", 401,
         headers={"Host": "127.0.0.1.evil.example"}),
    Case("foreign Host on a read", DB, None, "UNAUTHENTICATED", 401, "GET", headers={"Host": "evil.example:80"}),
    Case("foreign Origin", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNAUTHENTICATED", 401,
         headers={"Origin": "http://evil.example"}),
    Case("Origin null", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNAUTHENTICATED", 401,
         headers={"Origin": "null"}),
    Case("foreign Origin on a delete", DB, None, "UNAUTHENTICATED", 401, "DELETE",
         headers={"Origin": "http://localhost.evil.example"}),
    Case("no Content-Type", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNSUPPORTED_MEDIA_TYPE", 415,
         content_type=""),
    Case("Content-Type of a form", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNSUPPORTED_MEDIA_TYPE", 415,
         content_type="application/x-www-form-urlencoded"),
    Case("Content-Type text/plain", f"{DB}/vectors", {"id": "bad", "vector": GOOD}, "UNSUPPORTED_MEDIA_TYPE", 415,
         content_type="text/plain"),
    Case("compressed body", f"{DB}/vectors", b"\x1f\x8b", "UNSUPPORTED_MEDIA_TYPE", 415,
         headers={"Content-Encoding": "gzip"}),
    Case("body on a delete", f"{DB}/vectors/kept", {}, method="DELETE"),
    Case("X-Timeout-Ms 0", f"{DB}/search", {"vector": GOOD}, headers={"X-Timeout-Ms": "0"},
         details={"field": "X-Timeout-Ms"}),
    Case("X-Timeout-Ms soon", f"{DB}/search", {"vector": GOOD}, headers={"X-Timeout-Ms": "soon"},
         details={"field": "X-Timeout-Ms"}),
    Case("unknown route", "/v1/nothing", None, "ROUTE_NOT_FOUND", 404, "GET"),
    Case("unknown route below a record", f"{DB}/vectors/kept/metadata", {}, "ROUTE_NOT_FOUND", 404, "PATCH"),
    Case("another version", "/v2/databases", None, "ROUTE_NOT_FOUND", 404, "GET"),
    Case("root", "/", None, "ROUTE_NOT_FOUND", 404, "GET"),
    Case("upper case", "/V1/databases", None, "ROUTE_NOT_FOUND", 404, "GET"),
    Case("slash at the end", "/v1/databases/", method="GET"),
    Case("slash at the end of a record", f"{DB}/vectors/kept/", method="GET"),
    Case("double slash", "//v1/databases", method="GET"),
    Case("double slash inside", "/v1//databases", method="GET"),
    Case("dots", "/v1/databases/good/../good", method="GET"),
    Case("dots, encoded", "/v1/databases/%2e%2e/good", method="GET"),
    Case("id .", f"{DB}/vectors/.", method="GET"),
    Case("id ..", f"{DB}/vectors/%2E%2E", method="DELETE"),
    Case("bad escape", f"{DB}/vectors/%zz", method="GET"),
    Case("escape cut short", f"{DB}/vectors/a%2", method="GET"),
    Case("invalid UTF-8 in a path", f"{DB}/vectors/%ff", method="GET"),
    Case("surrogate in a path", f"{DB}/vectors/%ed%a0%80", method="GET"),
    Case("invalid UTF-8 in a query", "/v1/databases?cursor=%ff", method="GET"),
    Case("unknown record", f"{DB}/vectors/nowhere", None, "VECTOR_NOT_FOUND", 404, "GET"),
    Case("put of an unknown record", f"{DB}/vectors/nowhere", {"vector": GOOD}, "VECTOR_NOT_FOUND", 404, "PUT"),
    Case("put under another id", f"{DB}/vectors/kept", {"id": "bad", "vector": GOOD}, method="PUT",
         details={"field": "id"}),
    Case("put of nothing", f"{DB}/vectors/kept", {}, method="PUT"),
    Case("put with a wrong dimension", f"{DB}/vectors/kept", {"vector": [1]}, "DIMENSION_MISMATCH", method="PUT",
         details={"expected": 4, "got": 1}),
    Case("delete of an unknown record", f"{DB}/vectors/nowhere", None, "VECTOR_NOT_FOUND", 404, "DELETE"),
    Case("unknown database", "/v1/databases/nowhere/vectors", {"id": "bad", "vector": GOOD}, "DATABASE_NOT_FOUND", 404),
    Case("unknown database id", "/v1/databases/db:00000000000000000000000000", None, "DATABASE_NOT_FOUND", 404, "GET"),
    Case("malformed database id", "/v1/databases/db:x", None, "DATABASE_NOT_FOUND", 404, "DELETE"),
    Case("record that exists", f"{DB}/vectors", {"id": "kept", "vector": GOOD}, "ALREADY_EXISTS", 409),
    Case("wrong method", "/v1/databases", None, "METHOD_NOT_ALLOWED", 405, "DELETE",
         answer_headers={"Allow": "GET, HEAD, POST"}),
    Case("wrong method on a record", f"{DB}/vectors/kept", {}, "METHOD_NOT_ALLOWED", 405, "POST",
         answer_headers={"Allow": "DELETE, GET, HEAD, PUT"}),
    Case("unknown method", "/health", None, "METHOD_NOT_ALLOWED", 405, "BREW", answer_headers={"Allow": "GET, HEAD"}),
    Case("batch is an array", f"{DB}/vectors/batch", []),
    Case("batch of something else", f"{DB}/vectors/batch", {"vectors": [1]}, details={"field": "vectors[0]"}),
    Case("batch without rows", f"{DB}/vectors/batch", {}, details={"field": "vectors"}),
    Case("unknown field of a batch", f"{DB}/vectors/batch", {"vectors": [], "atomc": True}, says='"atomic"'),
    Case("ids that are none", f"{DB}/vectors/get", {"ids": "kept"}, details={"field": "ids"}),
    Case("too many ids", f"{DB}/vectors/get", {"ids": ["x"] * 10_001}, details={"field": "ids"}),
]

# Each field, value and header of the contract that this version does not have: (field, value).
UNBUILT_OF_INDEX = [("type", "IVF"), ("type", "LSH"), ("quantization", "sq8"), ("quantization", "sq4"),
                    ("quantization", "pq"), ("quantization", "binary"), ("reduceTo", 2)]
UNBUILT_OF_INDEX += [(f"parameters.{name}", 4) for name in
                     ("nlist", "nprobe", "tables", "bits", "bucketWidth", "probes", "refine", "subspaces")]
UNBUILT_OF_DATABASE = [
    ("metadataSchema", {"a": "int"}), ("retentionPolicy", {"maxAgeDays": 1}), ("embeddingModels", [{"modelId": "m"}]),
    ("accessControl", {"roles": ["r"]}), ("durability", "relaxed"), ("replication.factor", 3),
    ("replication.sync", True), ("sharding.strategy", "range"), ("sharding.strategy", "vector"),
    ("elementType", "f16"), ("elementType", "int8")]
UNBUILT_OF_SEARCH = [
    ("text", "hello"), ("image", "aGk="), ("filter", {"a": 1}), ("fields", ["a"]), ("index", "i"), ("nprobe", 4),
    ("targetRecall", 0.9), ("groupBy", {"field": "a"}), ("mmr", {"lambda": 0.5}), ("consistency", "strong"),
    ("offset", 1), ("explain", True)]
UNBUILT_HEADERS = [("Idempotency-Key", "k"), ("If-Match", '"1"'), ("X-API-Key", "k"), ("Authorization", "Bearer k"),
                   ("Accept", "application/x-jade-hits"), ("Accept", "application/x-jade-f32;q=1")]
# Routes of the contract that this version does not have: absent, or known under other methods.
UNBUILT_ROUTES = [
    ("PUT", DB), ("PUT", "/v1/aliases/a"), ("DELETE", "/v1/aliases/a"), ("PATCH", f"{DB}/vectors/kept/metadata"),
    ("POST", f"{DB}/vectors/kept/restore"), ("POST", f"{DB}/vectors/delete"), ("POST", f"{DB}/vectors/scan"),
    ("POST", f"{DB}/vectors/facet"), ("POST", f"{DB}/search/batch"), ("POST", f"{DB}/search/range"),
    ("POST", f"{DB}/indexes"), ("GET", f"{DB}/indexes"), ("GET", f"{DB}/indexes/i"), ("PUT", f"{DB}/indexes/i"),
    ("DELETE", f"{DB}/indexes/i"), ("GET", "/v1/jobs"), ("GET", "/v1/jobs/j"), ("DELETE", "/v1/jobs/j"), ("GET", "/metrics"),
    ("GET", "/v1/status"), ("GET", "/v1/metrics/query"), ("GET", "/v1/events"), ("GET", "/v1/alerts"),
    ("PUT", "/v1/alerts/a/acknowledge"), ("POST", "/v1/auth/login"), ("POST", "/v1/auth/logout"), ("GET", "/v1/auth/me"),
    ("POST", "/v1/auth/change-password"), ("GET", "/v1/sessions"), ("POST", "/v1/users"), ("GET", "/v1/users"),
    ("PUT", "/v1/users/u/password"), ("GET", "/v1/groups"), ("GET", "/v1/roles"), ("GET", f"{DB}/permissions"),
    ("POST", "/v1/api-keys"), ("GET", "/v1/api-keys"), ("DELETE", "/v1/api-keys/k"), ("POST", "/v1/api-keys/k/rotate"),
    ("GET", "/v1/audit-log"), ("POST", "/v1/backups"), ("GET", "/v1/backups"), ("POST", "/v1/backups/b/verify"),
    ("POST", "/v1/backups/b/restore"), ("POST", "/v1/embeddings/generate"), ("GET", "/v1/embeddings/models"),
    ("POST", f"{DB}/documents"), ("GET", f"{DB}/lifecycle"), ("PUT", f"{DB}/lifecycle"), ("POST", f"{DB}/lifecycle/run"),
    ("GET", "/v1/cluster/status"), ("GET", "/v1/cluster/nodes"), ("GET", "/ui")]
DEFAULTS_OF_DATABASE = {
    "metadataSchema": {}, "retentionPolicy": None, "embeddingModels": [], "accessControl": {}, "durability": "durable",
    "replication": {"factor": 1, "sync": False}, "sharding": {"strategy": "hash", "numShards": 1}, "elementType": "f32",
    "index": {"type": "AUTO", "quantization": "auto", "reduceTo": None}}


def at_path(path, value):
    """{"a": {"b": value}} for "a.b"."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def unbuilt_cases():
    """One case a field, each naming it in details.field."""

    def case(what, path, body, field, **options):
        options.setdefault("code", UNBUILT)
        return Case(f"not built: {what}", path, body, details={"field": field}, **options)

    definition = {"name": "bad", "dimension": 4}
    for field, value in UNBUILT_OF_DATABASE:
        yield case(f"{field} = {value}", "/v1/databases", {**definition, **at_path(field, value)}, field)
    for field, value in UNBUILT_OF_INDEX:
        yield case(f"index.{field} = {value}", "/v1/databases", {**definition, "index": at_path(field, value)},
                   f"index.{field}")
        yield case(f"index.{field} = {value} of a named vector", "/v1/databases",
                   {"name": "bad", "vectors": {"x": {"dimension": 4, "index": at_path(field, value)}}},
                   f"vectors.x.index.{field}")
    for value in ("f16", "int8"):
        yield case(f"elementType {value} of a named vector", "/v1/databases",
                   {"name": "bad", "vectors": {"x": {"dimension": 4, "elementType": value}}}, "vectors.x.elementType")
    row = {"id": "bad", "vector": GOOD}
    for field, value in (("partitionKey", "p"), ("expiresAt", "2030-01-01T00:00:00Z")):
        yield case(f"{field} of a record", f"{DB}/vectors", {**row, field: value}, field)
        yield case(f"{field} of a put", f"{DB}/vectors/kept", {"vector": GOOD, field: value}, field, method="PUT")
    for field, value in (("partitionKey", "p"), ("expiresAt", "2030-01-01T00:00:00Z"), ("ifVersion", 1)):
        yield case(f"{field} of a row", f"{DB}/vectors/batch", {"vectors": [row, {**row, field: value}]},
                   f"vectors[1].{field}")
    yield case("ifVersion of a store", f"{DB}/vectors?ifVersion=0", row, "ifVersion")
    yield case("ifVersion of a put", f"{DB}/vectors/kept?ifVersion=1", {"vector": GOOD}, "ifVersion", method="PUT")
    yield case("ifVersion of a delete", f"{DB}/vectors/kept?ifVersion=1", None, "ifVersion", method="DELETE")
    yield case("purge", f"{DB}/vectors/kept?purge=true", None, "purge", method="DELETE")
    yield case("filter of a count", f"{DB}/vectors/count", {"filter": {"a": 1}}, "filter")
    for field, value in UNBUILT_OF_SEARCH:
        yield case(f"{field} of a search", f"{DB}/search", {"vector": GOOD, field: value}, field)
    for name, value in UNBUILT_HEADERS:
        yield case(f"header {name}: {value}", f"{DB}/vectors", row, name, headers={name: value})
        yield case(f"header {name}: {value} on a read", DB, None, name, method="GET", headers={name: value})
    for path in ("search", "vectors/get"):
        yield case(f"binary body of {path}", f"{DB}/{path}", b"JDF1" + bytes(60), "Content-Type", content_type=BINARY)


UNBUILT_CASES = list(unbuilt_cases())
ALL = RECORDS + METADATA + SEARCHES + DATABASES + BINARIES + PROTOCOL + UNBUILT_CASES


class NothingStored(ServerTest):
    """A server that holds the same before and after each test."""

    flags = ("--set", f"limits.body_bytes_max={BODY_BYTES_MAX}")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client.ok("POST", "/v1/databases", {"name": "good", "dimension": 4, "metric": "cosine"})
        cls.client.ok("POST", f"{DB}/vectors", {"id": "kept", "vector": GOOD, "metadata": {"n": 1}})
        cls.client.ok("POST", "/v1/databases", {"name": "plain", "dimension": 2, "metric": "euclidean"})
        cls.client.ok("POST", "/v1/databases", {"name": "bits", "dimension": 12, "metric": "hamming"})

    def contents(self):
        """All that is stored, versions and times included."""
        names = [one["name"] for one in self.client.ok("GET", "/v1/databases?limit=1000")["databases"]]
        ids = ["kept", "bad", "nowhere", "a", "", "x" * 513, "7"]
        return {name: (self.client.ok("GET", f"/v1/databases/{name}"),
                       self.client.count(name),
                       self.client.ok("GET", f"/v1/databases/{name}/status")["counts"]["live"],
                       self.client.ok("POST", f"/v1/databases/{name}/vectors/get", {"ids": ids})) for name in names}

    def setUp(self):
        self.before = self.contents()

    def tearDown(self):
        self.assertEqual(self.before, self.contents())
        self.assertEqual("ready", self.client.ok("GET", "/health")["status"])


class BadInput(NothingStored):
    """Requests that an HTTP library lets through."""

    def check(self, case):
        """The answer of one case is the contract's."""
        answer = self.client.request(**case.request)
        error = answer.error
        self.assertEqual((case.status, case.code), (answer.status, error.get("code")), answer)
        self.assertEqual({"code", "message", "retryable", "requestId"}, error.keys() - {"details"})
        self.assertEqual(answer.headers["X-Request-Id"], error["requestId"])
        self.assertEqual("application/json", answer.headers["Content-Type"])
        self.assertEqual(case.details, {name: error.get("details", {}).get(name) for name in case.details})
        self.assertIn(case.says, error["message"])
        self.assertFalse(error["retryable"])
        for name, value in case.answer_headers.items():
            self.assertEqual(value, answer.headers[name])

    def test_every_row_of_the_table(self):
        self.assertGreaterEqual(len(ALL), 60)
        self.assertEqual(len(ALL), len({case.name for case in ALL}), "names of cases are unique")
        for case in ALL:
            with self.subTest(case.name):
                self.check(case)
        print(f"{len(ALL)} cases", flush=True)

    def test_routes_that_are_not_built_are_absent(self):
        for method, path in UNBUILT_ROUTES:
            with self.subTest(route=f"{method} {path}"):
                answer = self.client.request(method, path, None if method in ("GET", "DELETE") else {})
                self.assertIn((answer.status, answer.error.get("code")),
                              ((404, "ROUTE_NOT_FOUND"), (405, "METHOD_NOT_ALLOWED")))
                if answer.status == 405:
                    self.assertNotIn(method, answer.headers["Allow"].split(", "))

    def test_rows_of_a_batch_are_refused_one_by_one_with_the_same_codes(self):
        for case in RECORDS + METADATA:
            body = case.request["body"]
            if not isinstance(body, dict):
                continue
            with self.subTest(case.name):
                answer = self.client.ok("POST", f"{DB}/vectors/batch?upsert=true", {"vectors": [body]})
                self.assertEqual((0, 0, 1), (answer["inserted"], answer["updated"], len(answer["errors"])))
                self.assertEqual((0, case.code), (answer["errors"][0]["index"], answer["errors"][0]["code"]))

    def test_an_atomic_batch_with_a_bad_row_stores_nothing(self):
        rows = [{"id": f"x{i}", "vector": GOOD} for i in range(5)]
        rows[3]["vector"] = [1]
        answer = self.client.ok("POST", f"{DB}/vectors/batch", {"vectors": rows, "atomic": True})
        self.assertEqual((0, 0), (answer["inserted"], answer["updated"]))
        self.assertIn((3, "DIMENSION_MISMATCH"), [(row["index"], row["code"]) for row in answer["errors"]])

    def test_binary_rows_are_checked_like_json_rows(self):
        nan, infinity = float("nan"), float("inf")
        rows = [("n", pack([nan, 1, 1, 1]), None), ("i", pack([1, infinity, 1, 1]), None), ("z", pack([0] * 4), None),
                ("", pack(GOOD), None), ("a\nb", pack(GOOD), None), ("x" * 513, pack(GOOD), None),
                ("m", pack(GOOD), {"$a": 1}), ("kept", pack(GOOD), None)]
        answer = self.client.ok("POST", f"{DB}/vectors/batch", binary_batch(rows, 4), content_type=BINARY)
        self.assertEqual([RANGE, RANGE, RANGE, WRONG, WRONG, WRONG, WRONG, "ALREADY_EXISTS"],
                         [error["code"] for error in answer["errors"]])
        self.assertEqual(0, answer["inserted"])
        answer = self.client.ok("POST", f"{DB}/vectors/batch", binary_batch([("d", pack([1]), None)], 1),
                                content_type=BINARY)
        self.assertEqual(["DIMENSION_MISMATCH"], [error["code"] for error in answer["errors"]])
        ids = table(["?"])[:-1] + b"\xff"
        body = struct.pack("<4sIIIQQQ24x", b"JDF1", 4, 1, 1, 0, len(ids), 0) + pack(GOOD) + ids
        answer = self.client.request("POST", f"{DB}/vectors/batch", body, content_type=BINARY)
        self.assertIn(b"INVALID_ARGUMENT", answer.body)
        answer.body.decode("utf-8")

    def test_bits(self):
        for vector, code in (([2] + [0] * 11, RANGE), ([0.5] * 12, RANGE), ([1] * 11, "DIMENSION_MISMATCH"),
                             ("AAD/", "DIMENSION_MISMATCH"), ("AP8=", RANGE), ("not base64", WRONG)):
            with self.subTest(vector=vector):
                answer = self.client.post("/v1/databases/bits/vectors", {"id": "bad", "vector": vector})
                self.assertEqual((400, code), (answer.status, answer.error.get("code")), answer)

    def test_the_defaults_of_what_is_not_built_are_accepted(self):
        made = self.client.ok("POST", "/v1/databases", {"name": "defaults", "dimension": 4, **DEFAULTS_OF_DATABASE})
        self.assertEqual(("durable", 1, "none"),
                         (made["durability"], made["sharding"]["numShards"], made["index"]["quantization"]))
        self.client.ok("DELETE", "/v1/databases/defaults")
        self.client.ok("POST", f"{DB}/search", {"vector": GOOD, "filter": None, "offset": 0, "explain": False})
        self.client.ok("POST", f"{DB}/vectors/count", {"filter": {}})
        for host in ("localhost", "127.0.0.1", f"LOCALHOST:{self.server.port}", "[::1]:1"):
            self.assertEqual(200, self.client.get(DB, headers={"Host": host}).status, host)
        own = f"127.0.0.1:{self.server.port}"
        self.assertEqual(200, self.client.get(DB, headers={"Host": own, "Origin": f"http://{own}"}).status)
        self.assertEqual(200, self.client.get("/health", headers={"Host": "anything", "X-API-Key": "k"}).status)
        for accept in ("*/*", "application/json", "application/x-jade-hits, application/json;q=0.5", "application/*"):
            self.assertEqual(200, self.client.get(DB, headers={"Accept": accept}).status, accept)

    def test_what_is_not_built_is_not_in_the_document(self):
        document = self.client.ok("GET", "/openapi.json")
        schemas = document["components"]["schemas"]
        for schema, fields in (("DatabaseDefinition", UNBUILT_OF_DATABASE[:5]), ("SearchRequest", UNBUILT_OF_SEARCH)):
            for field, _ in fields:
                if field != "durability":
                    self.assertNotIn(field, schemas[schema]["properties"])
        text = json.dumps(document)
        for word in ("partitionKey", "expiresAt", "ifVersion", "nlist", "bucketWidth", "Idempotency-Key", "IVF"):
            self.assertNotIn(f'"{word}"', text)


class RawBytes(NothingStored):
    """Below what an HTTP library lets through."""

    HEAD = f"POST {DB}/vectors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n".encode()

    def refused(self, request, status, code):
        """The answer to these bytes."""
        answer = self.client.exchange(request)
        self.assertEqual((status, code), (answer.status, answer.error.get("code")), answer)
        self.assertTrue(answer.headers["X-Request-Id"])
        return answer

    def test_a_body_of_a_gigabyte_is_refused_before_it_is_sent(self):
        answer = self.refused(self.HEAD + b"Content-Length: 1073741824\r\n\r\n{", 413, "PAYLOAD_TOO_LARGE")
        self.assertEqual(BODY_BYTES_MAX, answer.error["details"]["limitBytes"])
        self.assertEqual("close", answer.headers["Connection"].lower())
        answer = self.refused(self.HEAD + b"Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n", 413,
                              "PAYLOAD_TOO_LARGE")

    def test_a_chunked_body_is_refused_where_it_passes_the_limit(self):
        with socket.create_connection(("127.0.0.1", self.server.port), 120) as connection:
            connection.sendall(self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n40000000\r\n")
            sent, part = 0, b" " * 65536
            try:
                while sent < 2 * BODY_BYTES_MAX:
                    connection.sendall(part)
                    sent += len(part)
            except OSError:
                pass  # It may hang up as soon as it has answered.
            answer = read_response(connection)
        self.assertEqual((413, "PAYLOAD_TOO_LARGE"), (answer.status, answer.error.get("code")))

    def test_chunked_bodies_are_read(self):
        body = json.dumps({"vector": GOOD, "topK": 1}).encode()
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
        head = self.HEAD.replace(b"/vectors", b"/search") + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = self.client.exchange(head + chunks + b"0\r\n\r\n")
        self.assertEqual((200, "kept"), (answer.status, answer.json["results"][0]["id"]))

    def test_malformed_requests(self):
        good = b'{"id":"bad","vector":[1,2,3,4]}'
        length = b"Content-Length: %d\r\n" % len(good)
        for name, request, status, code in (
                ("no Host", self.HEAD.replace(b"Host: 127.0.0.1\r\n", b"") + length + b"\r\n" + good, 400, WRONG),
                ("two Hosts", self.HEAD + b"Host: 127.0.0.1\r\n" + length + b"\r\n" + good, 400, WRONG),
                ("no HTTP", b"hello\r\n\r\n", 400, WRONG),
                ("two lengths", self.HEAD + length + b"Content-Length: 3\r\n\r\n" + good, 400, WRONG),
                ("length and chunks", self.HEAD + length + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, WRONG),
                ("identity", self.HEAD + b"Transfer-Encoding: identity\r\n\r\n" + good, 400, WRONG),
                ("identity and length", self.HEAD + length + b"Transfer-Encoding: identity\r\n\r\n" + good, 400, WRONG),
                ("gzip, chunked", self.HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, WRONG),
                ("two encodings", self.HEAD + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 400, WRONG),
                ("bad length", self.HEAD + b"Content-Length: -1\r\n\r\n", 400, WRONG),
                ("bad chunk", self.HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, WRONG),
                ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, WRONG),
                ("absolute target", b"GET http://evil.example/v1/databases HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400,
                 WRONG),
                ("long target", b"GET /v1/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "URI_TOO_LONG"),
                ("large header", self.HEAD + b"X-Fill: " + b"x" * 40_000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        ):
            with self.subTest(name):
                answer = self.refused(request, status, code)
                # Only of this one is it known where it ends.
                if name != "absolute target":
                    self.assertEqual("close", answer.headers["Connection"].lower())

    def test_a_caller_that_leaves_in_the_middle_stores_nothing(self):
        for request in (b"POST", self.HEAD, self.HEAD + b'Content-Length: 31\r\n\r\n{"id":"bad","vector":[1,2,3',
                        self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f\r\n" + b'{"id":"bad"'):
            with socket.create_connection(("127.0.0.1", self.server.port), 60) as connection:
                connection.sendall(request)


class WhatIsStored(ServerTest):
    """Odd, but right: it comes back as it was sent."""

    def setUp(self):
        self.name = self.id().rsplit(".", 1)[1][:60]
        self.path = f"/v1/databases/{self.name}"
        self.client.ok("POST", "/v1/databases", {"name": self.name, "dimension": 2, "metric": "euclidean"})

    def test_ids_go_round_through_percent_encoded_paths(self):
        ids = ["/", "a/b", "//", "%", "%2F", "a b", " ", "+", "a+b", "?", "#", "&=;", "'\"\\<>", "ünïcödé", "日本語",
               "👩‍👩‍👧", "e\u0301", "\u00e9", "\u202e", "\ufeff", "\U0010ffff", "x" * 512, "é" * 256, "null", "0", "batch",
               "get", "count", "...", ".a", "db:x", "~", "\u00a0"]
        for i, name in enumerate(ids):
            with self.subTest(id=name):
                made = self.client.ok("POST", f"{self.path}/vectors", {"id": name, "vector": [i, 1]})
                self.assertEqual((name, True), (made["id"], made["created"]))
                for spelling in {quote(name, safe=""), "".join(f"%{byte:02x}" for byte in name.encode())}:
                    got = self.client.ok("GET", f"{self.path}/vectors/{spelling}")
                    self.assertEqual((name, [i, 1]), (got["id"], got["vector"]))
        self.assertEqual(len(ids), self.client.count(self.name))
        # "+" is a plus, not a space.
        self.assertEqual("a+b", self.client.ok("GET", f"{self.path}/vectors/a+b")["id"])
        hits = self.client.ok("POST", f"{self.path}/search", {"vector": [0, 1], "topK": 100})["results"]
        self.assertEqual(ids, [hit["id"] for hit in hits])
        for name in ids:
            self.client.ok("PUT", f"{self.path}/vectors/{quote(name, safe='')}", {"metadata": {"id": name}})
            self.client.ok("DELETE", f"{self.path}/vectors/{quote(name, safe='')}")
        self.assertEqual(0, self.client.count(self.name))

    def test_an_id_that_is_a_word_of_the_api_is_reached_by_every_method_that_the_word_leaves(self):
        for name in ("batch", "get", "count"):
            self.client.ok("POST", f"{self.path}/vectors", {"id": name, "vector": [1, 1]})
            refused = self.client.request("PATCH", f"{self.path}/vectors/{name}", {})
            self.assertEqual((405, "DELETE, GET, HEAD, POST, PUT"), (refused.status, refused.headers["Allow"]))
            self.client.ok("PUT", f"{self.path}/vectors/{name}", {"vector": [2, 2]})
            self.assertEqual([2, 2], self.client.ok("GET", f"{self.path}/vectors/{name}")["vector"])
            self.client.ok("DELETE", f"{self.path}/vectors/{name}")
        self.assertEqual(0, self.client.count(self.name))

    def test_dots_are_ids_that_only_bodies_reach(self):
        rows = [{"id": ".", "vector": [1, 0]}, {"id": "..", "vector": [2, 0]}]
        answer = self.client.ok("POST", f"{self.path}/vectors/batch", {"vectors": rows})
        self.assertEqual((2, []), (answer["inserted"], answer["errors"]))
        got = self.client.ok("POST", f"{self.path}/vectors/get", {"ids": ["..", ".", "..."]})["vectors"]
        self.assertEqual(["..", ".", None], [record and record["id"] for record in got])

    def test_metadata_survives_exactly(self):
        texts = [
            '{"min":-9223372036854775808,"max":9223372036854775807,"zero":0}',
            '{"double":1.0,"negative":-0.0,"large":1e22,"small":5e-324,"tenth":0.1,"most":1.7976931348623157e308}',
            '{"z":1,"a":2,"m":{"y":[],"b":{}},"":null,"A":true,"é":false}',
            '{"text":"\\u0000\\u001f\\"\\\\/\\b\\f\\n\\r\\t","pair":"\\ud834\\udd1e","sep":"\\u2028","del":"\\u007f"}',
            '{"a.b":1,"a":{"b":2},"a$":3,"__proto__":4,"constructor":{"prototype":5}}',
            '{"mixed":[1,1.0,"1",true,null,[],{}]}',
            json.dumps({"a": "x" * (64 * 1024 - 8)}, separators=(",", ":")),
            nested(16),
            "{}",
        ]
        for i, text in enumerate(texts):
            with self.subTest(text=text[:80]):
                self.client.ok("POST", f"{self.path}/vectors", f'{{"id":"m{i}","vector":[{i},0],"metadata":{text}}}')
        self.server.stop()
        self.server.start()
        type(self).client = self.server.client()
        for i, text in enumerate(texts):
            with self.subTest(text=text[:80]):
                got = self.client.get(f"{self.path}/vectors/m{i}")
                # Types, order of keys and digits: a dump of both shows any difference.
                self.assertEqual(json.dumps(json.loads(text)), json.dumps(got.json["metadata"]))
                hit = self.client.ok("POST", f"{self.path}/search",
                                     {"vector": [i, 0], "topK": 1, "includeMetadata": True})["results"][0]
                self.assertEqual((f"m{i}", json.dumps(json.loads(text))), (hit["id"], json.dumps(hit["metadata"])))
        raw_text = self.client.get(f"{self.path}/vectors/m1").body.decode()
        self.assertIn('"double":1.0', raw_text)

    def test_numbers_are_rounded_once_to_the_nearest_float(self):
        # A double between two floats: by way of a double it would round twice, to the even neighbour.
        texts = ["1.00000005960464477540", "16777217", "16777219", "0.1", "-0.0", "1e-45", "7.0064923216240853e-46",
                 "3.4028234e38", "1152921504606846976", "1e-400"]
        wanted = [0x3f800001, 0x4b800000, 0x4b800002, 0x3dcccccd, 0x80000000, 1, 0, 0x7f7fffff, 0x5d800000, 0]
        for text, bits in zip(texts, wanted):
            with self.subTest(text):
                answer = self.client.post(f"{self.path}/vectors?upsert=true", f'{{"id":"n","vector":[{text},1]}}')
                if text == "3.4028234e38":
                    self.assertEqual(RANGE, answer.error["code"])
                    continue
                self.assertEqual(201, answer.status, answer)
                got = self.client.ok("GET", f"{self.path}/vectors/n")["vector"]
                self.assertEqual(f"{bits:08x}", f"{struct.unpack('<I', pack(got[:1]))[0]:08x}")

    def test_random_floats_read_back_to_the_bit(self):
        random = seeded_random()
        sent = []
        for i in range(300):
            bits = random.getrandbits(32) & ~0x40000000 | (0x20000000 if i % 2 else 0)
            sent.append(struct.unpack("<2f", struct.pack("<2I", bits, random.getrandbits(30))))
        rows = [{"id": f"r{i}", "vector": vector} for i, vector in enumerate(sent)]
        answer = self.client.ok("POST", f"{self.path}/vectors/batch", {"vectors": rows})
        self.assertEqual([], answer["errors"])
        got = self.client.ok("POST", f"{self.path}/vectors/get", {"ids": [row["id"] for row in rows]})["vectors"]
        self.assertEqual([pack(vector) for vector in sent], [pack(record["vector"]) for record in got])


if __name__ == "__main__":
    unittest.main()
