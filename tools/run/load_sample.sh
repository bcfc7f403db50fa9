#!/usr/bin/env bash
# Creates the database "words" on the server at LISTEN and loads the sample into it. Loading again changes nothing: rows
# are upserted. One line on stderr says why it failed.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/run/server_address.sh
source tools/run/server_address.sh

fail() {
  echo "sample: $1" >&2
  exit 1
}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# post PATH TYPE BODY: sends a body (@FILE for a file) and prints the status; the answer is in $answer.
post() {
  curl -s -m 120 -o "$answer" -w '%{http_code}' -X POST -H "Content-Type: $2" -H 'Expect:' --data-binary "$3" \
    "$base_url$1" || true
}

# complain WHAT STATUS: ends with the server's own words.
complain() { fail "$1 was refused with status $2: $(head -c 300 "$answer" | tr '\n' ' ')"; }

is_ready || fail "no ready server at $base_url; make run starts one"
tools/sample/fetch.sh

status=$(post /v1/databases application/json '{"name":"words","dimension":100,"metric":"cosine",
  "description":"The 50,000 most frequent English words (GloVe vectors; see NOTICE)"}')
case "$status" in 201 | 409) ;; *) complain "creating the database 'words'" "$status" ;; esac

files=(.cache/sample/words-*.jdf)
began=$(date +%s%N)
rows=0
# The third word of the header is the number of rows.
rows_in() { od -An -v -tu4 -j8 -N4 "$1" | tr -d ' '; }
total=0
for file in "${files[@]}"; do total=$((total + $(rows_in "$file"))); done

for file in "${files[@]}"; do
  for attempt in 1 2 3 4 5; do
    status=$(post '/v1/databases/words/vectors/batch?upsert=true' application/x-jade-f32 "@$file")
    case "$status" in
      429 | 503 | 000) sleep "$attempt" ;; # Busy: the same request may succeed later.
      *) break ;;
    esac
  done
  [ "$status" = 200 ] || complain "loading $file" "$status"
  grep -q '"errors" *: *\[ *\]' "$answer" || complain "a row of $file" "$status"
  rows=$((rows + $(rows_in "$file")))
  elapsed_ms=$((($(date +%s%N) - began) / 1000000 + 1))
  rate=$((rows * 1000 / elapsed_ms))
  line="Loading words: $rows of $total rows, $rate rows/s, $(((total - rows) / (rate + 1))) s left"
  if [ -t 2 ]; then printf '\r%s   ' "$line" >&2; else echo "$line" >&2; fi
done
if [ -t 2 ]; then echo >&2; fi

status=$(post /v1/databases/words/vectors/count application/json '{}')
if [ "$status" != 200 ]; then complain "counting" "$status"; fi
count=$(sed -n 's/.*"count" *: *\([0-9]*\).*/\1/p' "$answer")
[ "${count:-0}" -ge "$total" ] || fail "loaded $total rows, but the server counts ${count:-none}"
