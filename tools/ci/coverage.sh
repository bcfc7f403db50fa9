#!/usr/bin/env bash
# Builds the coverage preset, runs its tests, prints coverage by folder and fails below the floors of coverage.py.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/ci/results.sh
source tools/ci/results.sh
begin coverage_gate

profiles=build/coverage/profiles
rm -rf "$profiles"
mkdir -p "$profiles"
# %4m: four files for each binary, into which its processes merge what they counted.
export LLVM_PROFILE_FILE=$PWD/$profiles/%4m.profraw
status=0
tools/ci/preset.sh coverage || status=1
unset LLVM_PROFILE_FILE

mapfile -t binaries < <(find build/coverage/bin -maxdepth 1 -type f -perm -u+x | sort)
objects=()
for binary in "${binaries[@]}"; do objects+=(-object "$binary"); done
if find "$profiles" -name '*.profraw' >build/coverage/profraw.txt && [ -s build/coverage/profraw.txt ] &&
  llvm-profdata-19 merge -sparse -f build/coverage/profraw.txt -o build/coverage/all.profdata &&
  llvm-cov-19 export "${objects[@]:1}" -instr-profile build/coverage/all.profdata \
    -ignore-filename-regex='^/usr/|/build/|_test\.cc$|/tests/|/bench/' >build/coverage/export.json &&
  python3 tools/coverage/coverage.py build/coverage/export.json; then
  record coverage_gate passed "coverage floors"
else
  record coverage_gate failed "coverage floors"
  status=1
fi
exit "$status"
