#!/bin/sh
# Makes a Python with the packages that read recordings, in target/interop/mcap-venv (once), and
# says where it is. Ends with 1 where that cannot be, and says why instead.
set -eu
cd "$(dirname "$0")/../../.."

cannot() {
    echo "$1"
    exit 1
}
command -v python3 >/dev/null || cannot "python3 is not installed"
venv="$PWD/target/interop/mcap-venv"
if [ ! -f "$venv/installed" ]; then
    python3 -m venv "$venv" >&2 || cannot "python3 cannot make virtual environments"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        mcap==1.6.0 mcap-protobuf-support==0.6.0 >&2 ||
        cannot "the Python packages cannot be installed"
    touch "$venv/installed"
fi
echo "$venv"
