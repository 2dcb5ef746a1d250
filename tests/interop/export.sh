#!/bin/sh
# Exports of tables opened by other programs: CSV by pandas, Parquet by pyarrow, JSON lines by
# Python. What they find has to be what the Python package `mcap` finds in the recording itself: every
# message, every value, decimals digit by digit and times to the nanosecond.
#
# Installs the packages by name into target/interop/export-venv (once). Skips with a reason where
# something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/venv.sh export \
    mcap==1.6.0 mcap-protobuf-support==0.6.0 pandas==3.1.1 pyarrow==26.0.1) || skip "$venv"

cargo build --quiet
ttyscope="${CARGO_TARGET_DIR:-target}/debug/ttyscope"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$ttyscope" record --simulate --out "$dir" --log-dir "$dir/log" --name fresh --for 3s \
    2>"$dir/stderr" || { cat "$dir/stderr" >&2; exit 1; }
"$venv/bin/python" tests/interop/export_hostile.py "$dir/hostile.mcap"

for recording in recordings/*.mcap "$dir"/fresh-*.mcap "$dir/hostile.mcap"; do
    out="$dir/out-$(basename "$recording" .mcap)"
    for format in csv jsonl parquet; do
        "$ttyscope" export "$recording" --to "$format" --out "$out/$format" --json >"$dir/said.json"
        "$venv/bin/python" tests/interop/export_read.py "$recording" "$format" "$dir/said.json"
    done
done
