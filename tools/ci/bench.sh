#!/usr/bin/env bash
# Builds the bench preset and runs every benchmark in it, or those named: tools/ci/bench.sh [NAME …].
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
tools/ci/build.sh bench
if [ $# -gt 0 ]; then
  programs=("${@/#/build/bench/bin/}")
else
  mapfile -t programs < <(find build/bench/bin -maxdepth 1 -type f -name '*_bench' | sort)
fi
if [ "${#programs[@]}" -eq 0 ]; then
  echo "bench: no program in build/bench/bin ends in _bench" >&2
  exit 1
fi
# What a result was measured on; empty outside a clone.
JADE_BENCH_COMMIT=$(git describe --always --dirty 2>/dev/null || true)
export JADE_BENCH_COMMIT
for program in "${programs[@]}"; do
  echo "== $(basename "$program")"
  "$program"
done
