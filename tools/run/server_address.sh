# shellcheck shell=bash
# Where `make run` starts the server and `make sample` finds it. Sourced, from the root of the repository.

listen=${LISTEN:-127.0.0.1:8080}
port=${listen##*:}
host=${listen%:*}
if [ "$host" = "$listen" ] || [ -z "$host" ] || ! [[ "$port" =~ ^[1-9][0-9]*$ ]]; then
  echo "LISTEN is HOST:PORT, for instance 127.0.0.1:8080, not '$listen'" >&2
  exit 2
fi
# What listens on every address is reached on the loopback one.
reached=$host
case "$host" in
  0.0.0.0 | '[::]') reached=127.0.0.1 ;;
esac
export base_url="http://$reached:$port"

# is_ready: true when the server has loaded what it could. A degraded one serves too, all but a damaged database.
is_ready() { curl -s -m 5 "$base_url/health" 2>/dev/null | grep -Eq '"status" *: *"(ready|degraded)"'; }
