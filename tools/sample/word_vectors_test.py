#!/usr/bin/env python3
"""The converter writes what the contract's binary batch says: word_vectors_test.py PATH_OF_JADE_SAMPLE."""

import json
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = ""


def row(rank, first=0.5, length=102):
    return ([first] + [round(0.001 * i - 0.04, 6) for i in range(1, 100)] + [1.25, rank])[:length]


def source(vectors):
    return json.dumps({"size": len(vectors), "words": list(vectors), "vectors": vectors}, separators=(",", ":"))


def read_table(data, rows):
    offsets = struct.unpack_from(f"<{rows + 1}I", data)
    text = data[4 * (rows + 1):]
    assert offsets[-1] == len(text)
    return [text[offsets[i]:offsets[i + 1]].decode() for i in range(rows)]


def read_batch(data):
    """(vectors, ids, metadata) of a file, every length checked."""
    magic, dimension, rows, flags, options, ids, metadata, zeros = struct.unpack_from("<4sIIIQQQ24s", data)
    assert (magic, flags, options, zeros) == (b"JDF1", 3, 0, bytes(24))
    at = 64
    vectors = [struct.unpack_from(f"<{dimension}f", data, at + 4 * dimension * i) for i in range(rows)]
    at += 4 * dimension * rows
    assert len(data) == at + ids + metadata
    return (vectors, read_table(data[at:at + ids], rows),
            [json.loads(text) for text in read_table(data[at + ids:], rows)])


class WordVectors(unittest.TestCase):
    def convert(self, text, *arguments):
        """The files that the program writes for this input, or its message if it fails."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "input.json"
            path.write_text(text, encoding="utf-8")
            done = subprocess.run([PROGRAM, path, folder, *arguments], capture_output=True, text=True, timeout=60,
                                  check=False)
            if done.returncode != 0:
                return done.stderr
            return [path.read_bytes() for path in sorted(Path(folder).glob("words-*.jdf"))]

    def test_writes_words_vectors_and_metadata(self):
        vectors = {"the": row(0), "\"": row(7), "é\\t": row(999, -1e-7), "1990s": row(1000), "3.5": row(10000)}
        files = self.convert(source(vectors))
        self.assertEqual(1, len(files))
        got, ids, metadata = read_batch(files[0])
        self.assertEqual(list(vectors), ids)
        for expected, vector in zip(vectors.values(), got):
            self.assertEqual(struct.pack("<100f", *expected[:100]), struct.pack("<100f", *vector))
        self.assertEqual([
            {"rank": 1, "length": 3, "initial": "t", "kind": "word", "band": "top-1k"},
            {"rank": 8, "length": 1, "initial": "\"", "kind": "mark", "band": "top-1k"},
            {"rank": 1000, "length": 3, "initial": "é", "kind": "word", "band": "top-1k"},
            {"rank": 1001, "length": 5, "initial": "1", "kind": "word", "band": "top-10k"},
            {"rank": 10001, "length": 3, "initial": "3", "kind": "number", "band": "rest"},
        ], metadata)

    def test_splits_stops_and_repeats_itself_bit_for_bit(self):
        text = source({f"w{i}": row(i, i + 1.0) for i in range(10)})
        files = self.convert(text, "7", "3")
        self.assertEqual([["w0", "w1", "w2"], ["w3", "w4", "w5"], ["w6"]], [read_batch(data)[1] for data in files])
        self.assertEqual(files, self.convert(text, "7", "3"))

    def test_leaves_out_what_the_server_would_refuse(self):
        zero = [0.0] * 100 + [0, 2]
        files = self.convert(source({"a": row(0), "b\u0001": row(1), "zero": zero, "\u0085": row(3), "x" * 513: row(4),
                                     "c": row(5)}))
        self.assertEqual(["a", "c"], read_batch(files[0])[1])

    def test_refuses_other_input(self):
        cases = [
            ("no vectors", '{"words":[]}', "no member"),
            ("no words", '{"vectors":{}}', "holds no word"),
            ("short row", source({"a": row(0, length=101)}), "102 numbers"),
            ("long row", source({"a": row(0) + [1]}), "102 numbers"),
            ("text for a number", source({"a": ["x", *row(0)[1:]]}), "102 numbers"),
            ("overflow", source({"a": row(0)}).replace("0.5", "1e39"), "102 numbers"),
            ("order", source({"a": row(1), "b": row(0)}), "order of their frequency"),
        ]
        for name, text, expected in cases:
            with self.subTest(name):
                self.assertIn(expected, self.convert(text))
        self.assertIn("numbers from 1", self.convert("{}", "0"))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
