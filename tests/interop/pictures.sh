#!/bin/sh
# Saved pictures opened by other implementations, the Python packages `tifffile`, `ome-types` and
# `pillow`: the values have to be those of the frames, bit by bit, and the description has to be
# OME-XML of its schema.
#
# Installs the packages by name into target/interop/pictures-venv (once). Skips with a reason where
# something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/pictures_venv.sh) || skip "$venv"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cargo run --quiet --example pictures -- "$dir"
"$venv/bin/python" tests/interop/pictures_read.py "$dir"
