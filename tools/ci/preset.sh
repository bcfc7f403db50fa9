#!/usr/bin/env bash
# Builds a preset and runs its tests: tools/ci/preset.sh PRESET [TARGET …]. Counts go where results.sh says.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/ci/results.sh
source tools/ci/results.sh
preset=$1
shift
begin "$preset"

if ! tools/ci/build.sh "$preset" "$@"; then
  record "$preset" failed "building the preset $preset"
  exit 1
fi

# A sanitizer's report ends the test: nothing is reported and passed over.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

# Random tests under a sanitizer take three to ten times as long; the whole of them runs without one.
case $preset in asan | tsan) export JADE_TEST_SCALE=${JADE_TEST_SCALE:-0.2} ;; esac

status=0
ctest --preset "$preset" -j "${JOBS:-$(nproc)}" --output-junit "$PWD/$results/$preset.xml" || status=$?
if [ ! -s "$results/$preset.xml" ]; then record "$preset" failed "running the tests of the preset $preset"; fi
exit "$status"
