#!/bin/sh
# Exported pictures opened by other implementations: what `tifffile` and Pillow find in them has to
# be, bit by bit, what the Python package `mcap` finds in the recordings themselves. Animations have
# to be ones for Pillow, and a report has to be a page that holds all it shows.
#
# Installs the packages by name into target/interop (once). Skips with a reason where something is
# missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
readers=$(tests/interop/support/mcap_venv.sh) || skip "$readers"
viewers=$(tests/interop/support/pictures_venv.sh) || skip "$viewers"

cargo build --quiet
ttyscope="${CARGO_TARGET_DIR:-target}/debug/ttyscope"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$ttyscope" record --simulate --out "$dir" --log-dir "$dir/log" --name simulated --for 3s \
    2>"$dir/stderr" || { cat "$dir/stderr" >&2; exit 1; }

for recording in recordings/microscope.mcap "$dir"/simulated-*.mcap; do
    out="$dir/$(basename "$recording" .mcap)"
    for format in ome-tiff png jpeg preview report; do
        "$ttyscope" export "$recording" --to "$format" --out "$out/$format" >"$dir/stdout" ||
            { cat "$dir/stdout" >&2; exit 1; }
    done
    "$readers/bin/python" tests/interop/frames_dump.py "$recording" "$out/frames"
    "$viewers/bin/python" tests/interop/pictures_export_read.py "$out"
done
