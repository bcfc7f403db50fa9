#!/usr/bin/env python3
"""The REST API from Python, with the standard library only: rest_search.py [BASE_URL]

Stores a few colours, each with its red, green and blue as the vector, and asks which of them are closest to a colour
that is not there. Ends by deleting what it made.
"""

import json
import sys
import urllib.error
import urllib.request

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

COLOURS = {"tomato": [255, 99, 71], "coral": [255, 127, 80], "salmon": [250, 128, 114], "navy": [0, 0, 128],
           "turquoise": [64, 224, 208]}


def call(method, path, body=None):
    """Sends one request and returns the answer; an error becomes an exception with the server's code and message."""
    request = urllib.request.Request(SERVER + "/v1/databases" + path, method=method,
                                     headers={"Content-Type": "application/json"},
                                     data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refused:
        error = json.loads(refused.read())["error"]
        raise RuntimeError(f"{error['code']}: {error['message']}") from None


def main():
    call("POST", "", {"name": "colours-py", "dimension": 3, "metric": "euclidean"})
    try:
        # Rows that the server refuses are listed in "errors"; the others are stored when the answer comes.
        records = [{"id": name, "vector": rgb, "metadata": {"warm": rgb[0] > rgb[2]}} for name, rgb in COLOURS.items()]
        stored = call("POST", "/colours-py/vectors/batch?upsert=true", {"vectors": records})
        print(f"stored {stored['inserted']} colours, {len(stored['errors'])} refused")

        found = call("POST", "/colours-py/search", {"vector": [255, 110, 75], "topK": 3, "includeMetadata": True})
        for hit in found["results"]:
            print(f"{hit['id']:10} distance {hit['distance']:6.2f}  warm: {hit['metadata']['warm']}")

        try:
            call("POST", "/colours-py/search", {"vector": [1, 2], "topK": 3})
        except RuntimeError as error:
            print("refused,", error)
    finally:
        call("DELETE", "/colours-py")


if __name__ == "__main__":
    main()
