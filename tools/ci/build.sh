#!/usr/bin/env bash
# Configures and builds a preset: tools/ci/build.sh PRESET [TARGET …]. CMAKE_ARGUMENTS adds options.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1
preset=$1
shift
jobs=${JOBS:-$(nproc)}

read -r -a arguments <<<"${CMAKE_ARGUMENTS:-}"
if ! log=$(cmake --preset "$preset" "${arguments[@]}" 2>&1); then
  printf '%s\n' "$log" >&2
  echo "build: configuring the preset '$preset' failed; the lines above say why" >&2
  exit 1
fi
targets=()
if [ $# -gt 0 ]; then targets=(--target "$@"); fi
cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"
