#!/usr/bin/env bash
# Runs every fuzz target for its share of FUZZ_SECONDS (default 300 for all together). New inputs are kept in
# build/fuzz/corpus/NAME; seeds come from tests/fuzz/corpus/NAME. A crash leaves its input in build/fuzz/crashes.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/ci/results.sh
source tools/ci/results.sh
begin fuzz

if ! tools/ci/build.sh fuzz; then
  record fuzz failed "building the preset fuzz"
  exit 1
fi
mapfile -t targets < <(find build/fuzz/bin -maxdepth 1 -type f -name '*_fuzz' | sort)
if [ "${#targets[@]}" -eq 0 ]; then
  echo "fuzz: no target in build/fuzz/bin ends in _fuzz" >&2
  record fuzz failed "finding fuzz targets"
  exit 1
fi
seconds=$((${FUZZ_SECONDS:-300} / ${#targets[@]}))
if [ "$seconds" -lt 1 ]; then seconds=1; fi

status=0
mkdir -p build/fuzz/crashes
for target in "${targets[@]}"; do
  name=$(basename "$target")
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  folders=("$corpus")
  if [ -d "tests/fuzz/corpus/$name" ]; then folders+=("tests/fuzz/corpus/$name"); fi
  log=build/fuzz/$name.log
  if "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/crashes/$name-" "${folders[@]}" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $name: ${runs:-?} inputs in $seconds s, no finding"
    record fuzz passed "$name"
  else
    tail -n 60 "$log" >&2
    echo "fuzz: $name FAILED; the input is in build/fuzz/crashes, the log is $log" >&2
    record fuzz failed "$name"
    status=1
  fi
done
exit "$status"
