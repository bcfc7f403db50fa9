#!/usr/bin/env bash
# What `make run` does: builds, starts the server on LISTEN over DATA, loads the sample into a new DATA unless SAMPLE=0,
# says what to try, and stays until the server stops. Ctrl-C stops the server, which finishes what it accepted.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/run/server_address.sh
source tools/run/server_address.sh
data=${DATA:-data}

if (exec 3<>"/dev/tcp/$reached/$port") 2>/dev/null; then
  who="something"
  if is_ready; then who="a JadeVectorDB"; fi
  echo "run: $who already listens on $listen; stop it, or choose another address: LISTEN=$host:$((port + 1)) make run" >&2
  exit 1
fi

"${MAKE:-make}" --no-print-directory build

is_new=false
if [ ! -d "$data" ] || [ -z "$(ls -A "$data")" ]; then is_new=true; fi

# Every request would be a line between those of the progress; JADE_LOG_LEVEL=info shows them.
export JADE_LOG_LEVEL=${JADE_LOG_LEVEL:-warn}
build/release/bin/jade-db serve --data "$data" --listen "$listen" &
server=$!
stopping=false
cut_short=false
# shellcheck disable=SC2317 # The trap calls it.
stop() {
  stopping=true
  cut_short=true
  kill -TERM "$server" 2>/dev/null || true
}
trap stop INT TERM HUP
# Ctrl-C ends whatever runs in the foreground too; that must not end this script before the server.
set +e

# follow_server: waits until the server has ended and ends like it. A signal that we pass on cuts a wait short, which then
# says 130 or so instead of the server's status.
follow_server() {
  local status=0
  while true; do
    cut_short=false
    status=0
    wait "$server" || status=$?
    if ! $cut_short; then break; fi
  done
  if [ "$status" -ne 0 ]; then
    echo "run: the server ended with status $status; its last lines say why" >&2
  else
    echo "The server has stopped; $data keeps what was stored."
  fi
  exit "$status"
}

tries=0
until is_ready; do
  if ! kill -0 "$server" 2>/dev/null; then
    status=0
    wait "$server" || status=$?
    echo "run: the server did not start (status $status); its last lines say why" >&2
    exit 1
  fi
  if $stopping; then follow_server; fi
  tries=$((tries + 1))
  # A replay of much data takes its time; the answer says how far it is.
  if [ $((tries % 25)) -eq 0 ]; then echo "Waiting for the server: $(curl -s -m 5 "$base_url/health" || true)" >&2; fi
  sleep 0.2
done

later="make sample"
if [ "$listen" != 127.0.0.1:8080 ]; then later="LISTEN=$listen make sample"; fi
# count_words: how many records the database 'words' has; nothing if there is none.
count_words() {
  curl -s -m 30 -X POST -H 'Content-Type: application/json' -d '{}' "$base_url/v1/databases/words/vectors/count" |
    sed -n 's/.*"count" *: *\([0-9]*\).*/\1/p'
}
loaded=true
if ! $is_new; then
  words=$(count_words)
  if [ -z "$words" ]; then
    loaded=false
    echo "$data was not new, so no sample was loaded; load it with: $later"
  elif [ "$words" -lt 50000 ]; then
    echo "The database 'words' has $words records; the sample has 50000, and this loads the rest: $later"
  fi
elif [ "${SAMPLE:-1}" = 0 ]; then
  loaded=false
  echo "SAMPLE=0: no sample was loaded; load it later with: $later"
elif ! tools/run/load_sample.sh; then
  loaded=false
  if ! $stopping; then echo "The server runs without the sample; load it later with: $later"; fi
fi

if ! $stopping; then
  if $loaded; then echo "JadeVectorDB is ready at $base_url. Try, in another terminal:"; fi
  if ! $loaded; then echo "JadeVectorDB is ready at $base_url. Once the sample is loaded, try:"; fi
  echo "  curl -s $base_url/v1/databases/words/search -H 'Content-Type: application/json' -d '{\"id\":\"paris\",\"topK\":10}'"
  echo "  curl -s $base_url/v1/databases/words/status"
  echo "  kill -TERM $server    # stops the server, as Ctrl-C does here"
fi
follow_server
