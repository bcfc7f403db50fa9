#!/usr/bin/env bash
# shellcheck disable=SC2317 # judge calls functions by name.
# What needs no test run: formatting and shell scripts; with --deep also clang's thread-safety build and clang-tidy.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tools/ci/results.sh
source tools/ci/results.sh
begin lint
status=0

# judge WHAT COMMAND …: runs the command and notes how it went.
judge() {
  local what=$1
  shift
  if "$@"; then
    record lint passed "$what"
  else
    echo "lint: $what FAILED" >&2
    record lint failed "$what"
    status=1
  fi
}

check_format() { git ls-files -z '*.h' '*.cc' | xargs -0 -r clang-format-19 --dry-run -Werror; }

check_scripts() {
  local scripts script broken=0
  mapfile -t scripts < <(git ls-files '*.sh' '.ci/run')
  for script in "${scripts[@]}"; do bash -n "$script" || broken=1; done
  if command -v shellcheck >/dev/null; then shellcheck -x "${scripts[@]}" || broken=1; fi
  return "$broken"
}

check_tidy() {
  local sources
  mapfile -t sources < <(git ls-files 'src/*.cc' | grep -v '_test\.cc$')
  printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "${JOBS:-$(nproc)}" clang-tidy-19 -p build/clang --quiet
}

judge "formatting (make format repairs it)" check_format
judge "shell scripts" check_scripts
if [ "${1:-}" = --deep ]; then
  judge "thread-safety analysis" tools/ci/build.sh clang
  judge "clang-tidy" check_tidy
fi
exit "$status"
