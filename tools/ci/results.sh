# shellcheck shell=bash
# Where runs leave what they counted, for tools/ci/count.py. Sourced, from the root of the repository.
#
# NAME.xml is a ctest report; NAME.passed and NAME.failed name one thing a line.

results=${RESULTS:-build/results}
mkdir -p "$results"

# begin NAME: forgets what an earlier run of NAME left.
begin() { rm -f "$results/$1".xml "$results/$1".passed "$results/$1".failed; }

# record NAME passed|failed WHAT: notes one thing.
record() { printf '%s\n' "$3" >>"$results/$1.$2"; }
