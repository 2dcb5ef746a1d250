#!/bin/sh
# The camera source against the kernel's own drivers, in a small virtual machine: `vivid`, the test
# camera whose patterns are known to the byte, and `uvcvideo` with a USB camera that sends MJPEG.
# Lists, records each format, sets controls, pulls the cable and puts it in again; then a foreign
# reader compares each byte of each recorded picture.
#
# Needs Debian 12 on x86-64 and Python; downloads its kernel into target/interop (once), and
# as root installs the emulator. No module is loaded and nothing is changed on this machine. Skips
# with a reason where something is missing.
set -eu
cd "$(dirname "$0")/../.."

skip() {
    echo "skipped: $1" >&2
    exit 0
}
venv=$(tests/interop/support/mcap_venv.sh) || skip "$venv"

export PYTHONDONTWRITEBYTECODE=1
parts=tests/interop/camera
fetched="$PWD/target/interop/camera"
why=$("$parts/fetch.sh" "$fetched") || { [ "$?" = 77 ] && skip "$why"; exit 1; }

cargo build --quiet
ttyscope="${CARGO_TARGET_DIR:-target}/debug/ttyscope"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
root="$dir/root"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/host" "$root/guest" \
    "$dir/host" "$dir/frames"
cp "$parts/guest/init" "$root/init"
cp "$parts/guest/test.sh" "$parts/guest/devices.sh" "$parts/cases" "$root/guest/"
"$parts/with_libraries.sh" "$ttyscope" "$root"
"$venv/bin/python" "$parts/jpeg_files.py" recordings/microscope.mcap "$dir/frames"

"$parts/boot.sh" "$fetched" "$root" "$dir/host" "$dir/frames"
"$venv/bin/python" "$parts/judge.py" "$dir/host" "$parts/cases" "$dir/frames"
