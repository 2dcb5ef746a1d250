#!/bin/sh
# Makes a Python with packages in target/interop/NAME-venv (once) and says where it is. Ends with 1
# where that cannot be, and says why instead.
#
#   venv.sh NAME PACKAGE...
set -eu
cd "$(dirname "$0")/../../.."

cannot() {
    echo "$1"
    exit 1
}
command -v python3 >/dev/null || cannot "python3 is not installed"
venv="$PWD/target/interop/$1-venv"
shift
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$*" ]; then
    python3 -m venv "$venv" >&2 || cannot "python3 cannot make virtual environments"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2 ||
        cannot "the Python packages cannot be installed"
    echo "$*" >"$venv/installed"
fi
echo "$venv"
