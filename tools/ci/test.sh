#!/usr/bin/env bash
# Every test of the debug preset and of the Python tools; the last line counts them.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/ci/results.sh
source tools/ci/results.sh
begin unittest

status=0
# The second target compiles each header alone.
tools/ci/preset.sh debug all all_verify_interface_header_sets || status=1
python3 tools/ci/unittests.py --results "$results/unittest" || status=1
python3 tools/ci/count.py "$results" debug unittest || status=1
exit "$status"
