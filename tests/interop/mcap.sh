#!/bin/sh
# Recordings opened by another implementation, the Python package `mcap`: one that was finished,
# one whose recorder was killed, and what `recover` makes of that. What it finds in each topic has to
# be what `inspect` says, and each message is decoded by its schema: protobuf as Foxglove's messages,
# JSON held against its JSON schema.
#
# Installs the packages by name into target/interop/mcap-venv (once). Skips with a reason where
# something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/mcap_venv.sh) || skip "$venv"

cargo build --quiet
ttyscope="${CARGO_TARGET_DIR:-target}/debug/ttyscope"
dir=$(mktemp -d)
recorder=""
trap '[ -z "$recorder" ] || kill "$recorder" 2>/dev/null || true; rm -rf "$dir"' EXIT

"$ttyscope" record --simulate --out "$dir" --log-dir "$dir/log" --name finished --for 3s \
    2>"$dir/stderr" || { cat "$dir/stderr" >&2; exit 1; }

# Not through a function: what is killed has to be the recorder and not a shell around it.
"$ttyscope" record --simulate --out "$dir" --log-dir "$dir/log" --name killed --for 60s \
    2>"$dir/stderr" &
recorder=$!
# Some chunks have to be in the file before it is killed.
tries=0
until [ "$(cat "$dir"/killed-*.partial.mcap 2>/dev/null | wc -c)" -gt 4000000 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "the recorder does not write" >&2; exit 1; }
    sleep 0.1
done
kill -KILL "$recorder"
wait "$recorder" || true
recorder=""

inspect() {
    code=0
    "$ttyscope" inspect "$1" --json || code=$?
    [ "$code" -eq "$2" ] || { echo "inspect of $1 ended with $code instead of $2" >&2; exit 1; }
}
inspect "$dir"/finished-*.mcap 0 >"$dir/finished.json"
inspect "$dir"/killed-*.partial.mcap 3 >"$dir/killed.json"
code=0
"$ttyscope" recover "$dir"/killed-*.partial.mcap --out "$dir/recovered.mcap" || code=$?
[ "$code" -eq 3 ] || { echo "recover ended with $code instead of 3" >&2; exit 1; }
inspect "$dir/recovered.mcap" 3 >"$dir/recovered.json"

set -- "$dir/finished.json" "$dir"/finished-*.mcap \
    "$dir/killed.json" "$dir"/killed-*.partial.mcap \
    "$dir/recovered.json" "$dir/recovered.mcap"
for sample in recordings/*.mcap; do
    said="$dir/$(basename "$sample" .mcap).json"
    code=0
    "$ttyscope" inspect "$sample" --json >"$said" || code=$?
    # One that lacks something is a sample too, and says so.
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { echo "inspect of $sample ended with $code" >&2; exit 1; }
    set -- "$@" "$said" "$sample"
done
"$venv/bin/python" tests/interop/mcap_read.py --compare "$@"
