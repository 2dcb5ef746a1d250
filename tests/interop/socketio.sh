#!/bin/sh
# The Socket.IO client against servers of other makers: python-socketio, Flask-SocketIO, Node.
#
# Installs them by package name into target/interop (once), then runs the test program that starts
# and ends them. Skips with a reason where something is missing. Arguments go to the test program.
set -eu
cd "$(dirname "$0")/../.."

peers="${TTYSCOPE_PEERS:-../shared/peers}/socketio"
skip() {
    echo "skipped: $1" >&2
    exit 0
}
[ -f "$peers/frame_server.py" ] || skip "no peers in $peers (set TTYSCOPE_PEERS to their folder)"
command -v python3 >/dev/null || skip "python3 is not installed"
command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"

into="$PWD/target/interop"
mkdir -p "$into/node"
if [ ! -f "$into/installed" ]; then
    python3 -m venv "$into/venv" || skip "python3 cannot make virtual environments"
    "$into/venv/bin/pip" install --quiet --disable-pip-version-check \
        python-socketio==5.18.1 uvicorn==0.54.0 websockets aiohttp \
        flask flask-socketio==5.7.0 werkzeug==3.1.9 simple-websocket ||
        skip "the Python packages cannot be installed"
    npm install --silent --no-audit --no-fund --prefix "$into/node" socket.io@4.8.4 ||
        skip "the Node packages cannot be installed"
    touch "$into/installed"
fi

TTYSCOPE_INTEROP_PEERS="$(cd "$peers" && pwd)"
TTYSCOPE_INTEROP_PYTHON="$into/venv/bin/python"
TTYSCOPE_INTEROP_MODULES="$into/node"
export TTYSCOPE_INTEROP_PEERS TTYSCOPE_INTEROP_PYTHON TTYSCOPE_INTEROP_MODULES
# Two at a time: each test has a server of its own, and some of them are busy.
exec cargo test --test socketio_interop -- --test-threads=2 "$@"
