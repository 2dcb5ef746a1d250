#!/bin/sh
# The figures of a running recorder as the Python package `prometheus_client` reads them: every
# series, its type, and that accounts balance in what another program sees.
#
# Installs the package by name into target/interop/metrics-venv (once). Skips with a reason where
# something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/venv.sh metrics prometheus_client==0.26.0) || skip "$venv"

cargo build --quiet
ttyscope="${CARGO_TARGET_DIR:-target}/debug/ttyscope"
dir=$(mktemp -d)
recorder=""
trap '[ -z "$recorder" ] || kill "$recorder" 2>/dev/null || true; rm -rf "$dir"' EXIT

"$ttyscope" record --simulate --out "$dir" --log-to stderr --metrics 127.0.0.1:0 2>"$dir/stderr" &
recorder=$!
tries=0
until url=$(sed -n 's/.*figures are at \(http:.*\)$/\1/p' "$dir/stderr") && [ -n "$url" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { cat "$dir/stderr" >&2; exit 1; }
    sleep 0.1
done
"$venv/bin/python" tests/interop/metrics_read.py "$url"
kill "$recorder"
wait "$recorder" || { echo "the recorder ended with $?" >&2; exit 1; }
recorder=""
