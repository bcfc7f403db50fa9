#!/usr/bin/env bash
# What `make run` does: builds, starts the server on LISTEN over DATA, loads the sample into a new DATA unless SAMPLE=0,
# says what to try, and stays until the server stops. Ctrl-C stops the server, which finishes what it accepted.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/run/server_address.sh
source tools/run/server_address.sh
data=${DATA:-data}

if (exec 3<>"/dev/tcp/$reached/$port") 2>/dev/null; then
  echo "run: $listen is in use; stop what listens there, or choose another: LISTEN=$host:$((port + 1)) make run" >&2
  exit 1
fi

"${MAKE:-make}" --no-print-directory build

is_new=false
if [ ! -d "$data" ] || [ -z "$(ls -A "$data")" ]; then is_new=true; fi

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
  if [ "$status" -ne 0 ] && ! $stopping; then echo "run: the server ended with status $status" >&2; fi
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

later="LISTEN=$listen make sample"
if ! $is_new; then
  loaded=true
elif [ "${SAMPLE:-1}" = 0 ]; then
  loaded=false
  echo "SAMPLE=0: no sample was loaded; load it later with: $later"
elif tools/run/load_sample.sh; then
  loaded=true
else
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
