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
command -v python3 >/dev/null || skip "python3 is not installed"

venv="$PWD/target/interop/pictures-venv"
if [ ! -f "$venv/installed" ]; then
    python3 -m venv "$venv" || skip "python3 cannot make virtual environments"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        tifffile==2026.3.3 numpy pillow==13.0.0 'ome-types[lxml]==0.7.0' xmlschema==4.3.2 ||
        skip "the Python packages cannot be installed"
    touch "$venv/installed"
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cargo run --quiet --example pictures -- "$dir"
"$venv/bin/python" tests/interop/pictures_read.py "$dir"
