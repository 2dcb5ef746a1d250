#!/bin/sh
# Numbers about pictures beside those of NumPy, SciPy and scikit-image on the same pixels: synthetic
# frames of known content, and JPEG frames of recorded sessions where there are any.
#
# Installs the packages by name into target/interop/measures-venv (once). Skips with a reason where
# something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/venv.sh measures \
    numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0 scipy==1.17.1) || skip "$venv"

cargo build --quiet --example measure
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
captures="${TTYSCOPE_CAPTURES:-../shared/captures}/imswitch"
"$venv/bin/python" tests/interop/measures.py \
    "${CARGO_TARGET_DIR:-target}/debug/examples/measure" "$dir" "$captures"
