#!/usr/bin/env bash
# Installs the Debian packages that a part of the build needs, by name, and only those that are missing.
#
#   tools/setup/install_packages.sh [--optional] GROUP …
#
# Groups: build, bench, test, clang, lint, sample, optional. With everything present nothing is asked of
# the network. A package that cannot be installed is one line on stderr and exit status 1; with --optional it is one
# line and status 0.
set -euo pipefail

declare -A groups=(
  # What `make build` and `make run` need.
  [build]="g++ cmake ninja-build pkg-config make git ca-certificates curl libboost1.81-dev libsimdjson-dev
    libspdlog-dev libfmt-dev libyaml-cpp-dev libcli11-dev libflatbuffers-dev flatbuffers-compiler libsqlite3-dev
    libssl-dev libxxhash-dev libzstd-dev"
  [bench]="libbenchmark-dev"
  [test]="libgtest-dev libgmock-dev librapidcheck-dev python3 curl"
  [clang]="clang-19 clang-tidy-19 clang-format-19 lld-19 llvm-19 libclang-rt-19-dev"
  [lint]="shellcheck"
  # Only to fetch the sample words; nothing is built with it.
  [sample]="npm"
  # Faster builds; used when present, never required.
  [optional]="ccache mold"
)

required=true
wanted=()
for argument in "$@"; do
  if [ "$argument" = --optional ]; then
    required=false
  elif [ -n "${groups[$argument]:-}" ]; then
    read -r -d '' -a packages <<<"${groups[$argument]}" || true
    wanted+=("${packages[@]}")
  else
    echo "install_packages: unknown group '$argument'; there are: ${!groups[*]}" >&2
    exit 2
  fi
done

# A command that is here from elsewhere than Debian's package (npm, for one) is good enough.
is_present() {
  if [ "$1" = npm ] && command -v npm >/dev/null; then return 0; fi
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

list_missing() {
  missing=()
  local package
  for package in "${wanted[@]}"; do
    is_present "$package" || missing+=("$package")
  done
}

give_up() {
  echo "install_packages: $1" >&2
  if $required; then exit 1; fi
  exit 0
}

list_missing
if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  give_up "this machine has no apt-get; install by other means: ${missing[*]}"
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || give_up "missing packages, and neither root nor sudo to install them: ${missing[*]}"
  as_root=(sudo)
fi

echo "Installing missing packages: ${missing[*]}" >&2
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=1 -o Acquire::Languages=none -o APT::Get::Show-Progress=1 \
    -o DPkg::Lock::Timeout=120 "$@"
}
for attempt in 1 2 3; do
  if apt update && apt install -y --no-install-recommends "${missing[@]}"; then
    list_missing
    if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi
  fi
  list_missing
  if [ "$attempt" -lt 3 ]; then
    echo "install_packages: attempt $attempt of 3 failed; still missing: ${missing[*]}" >&2
    sleep $((attempt * 2))
  fi
done
give_up "could not install: ${missing[*]} (the lines above say why; on Debian 12 'apt-get install ${missing[0]}' shows it alone)"
