#!/bin/sh
# Recorders killed at random moments, recovered, and opened by another implementation, the Python
# package `mcap`: in each topic it has to find what `inspect` says.
#
# TTYSCOPE_KILLS says how many are killed. Skips with a reason where something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/mcap_venv.sh) || skip "$venv"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
TTYSCOPE_KILLS="${TTYSCOPE_KILLS:-12}" TTYSCOPE_KILLS_KEEP="$dir" \
    cargo test --quiet --test kills -- --nocapture >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
grep -E 'kills|lacking' "$dir/log"

set --
for json in "$dir"/killed-*.json; do
    set -- "$@" "$json" "${json%.json}.mcap"
done
"$venv/bin/python" tests/interop/mcap_read.py --compare "$@" >"$dir/compared" ||
    { cat "$dir/compared" >&2; exit 1; }
echo "$(grep -c 'the same in both' "$dir/compared") recovered files are the same to the Python reader"
