#!/bin/sh
# Makes every recording in this folder anew, from simulators that it starts on loopback and ends
# again; each takes as long as it lasts. Other runs make other files: times, prices and the moments
# of faults differ. Names on the command line make only those, e.g. `recordings/make.sh fleet`.
#
# Needs curl, and Python 3 (its standard library alone) for the terminal that somebody sits at.
set -eu
cd "$(dirname "$0")/.."
[ -n "${TTYSCOPE:-}" ] || cargo build --quiet
ttyscope="${TTYSCOPE:-${CARGO_TARGET_DIR:-target}/debug/ttyscope}"
work=$(mktemp -d)
simulators=
trap '[ -z "$simulators" ] || kill "$simulators"; rm -rf "$work"' EXIT
export HOME="$work" XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state" \
    XDG_DATA_HOME="$work/data" XDG_RUNTIME_DIR="$work"

imswitch=18001 flamingo=18717 market=18780 fleet=18500
scope="scope=imswitch://127.0.0.1:$imswitch"
lightsheet="lightsheet=flamingo://127.0.0.1:$flamingo"
kraken="kraken=kraken:BTC/USD?endpoint=ws://127.0.0.1:$market/kraken"

# Simulators with these options, until the next ones.
simulate() {
    [ -z "$simulators" ] || { kill "$simulators"; wait "$simulators" || true; }
    "$ttyscope" sim "$@" >"$work/simulators" &
    simulators=$!
    until grep -q SIMULATED "$work/simulators"; do sleep 0.1; done
}

# Few pictures and not twenty a second: the samples are to be small.
slow_pictures() {
    for protocol in jpeg binary; do
        curl --silent --show-error --fail --output /dev/null \
            --header 'Content-Type: application/json' --data "{\"throttle_ms\": $1}" \
            "http://127.0.0.1:$imswitch/imswitch/api/LiveViewController/setStreamParameters?protocol=$protocol"
    done
}

# Gives what was recorded its plain name.
keep() {
    mv "$work/out/$1"-*.mcap "recordings/$1.mcap"
    rm -rf "$work/out"
}

# NAME TIME SOURCE…: `record` ends with 3 where a fault was made, which is meant here.
record() {
    name=$1 time=$2
    shift 2
    "$ttyscope" record "$@" --out "$work/out" --name "$name" --for "$time" 2>"$work/said" ||
        [ $? = 3 ] || { cat "$work/said" >&2; exit 1; }
    tail -n 1 "$work/said"
    keep "$name"
}

# As `record`, but somebody sits at a screen and types: NAME STEPS… -- SOURCE…, steps as hands.py
# takes them.
work_at() {
    name=$1
    shift
    steps=
    for word; do
        [ "$word" != -- ] || break
        steps=$((${steps:-0} + 1))
    done
    n=0
    for word; do
        # The program goes where the steps end.
        shift
        if [ "$n" = "$steps" ]; then
            set -- "$@" -- "$ttyscope" --control --record --out "$work/out"
        else
            set -- "$@" "$word"
        fi
        n=$((n + 1))
    done
    python3 recordings/hands.py "$@" || [ $? = 3 ]
    for file in "$work/out"/*.mcap; do
        case $file in
        *.blackbox.mcap) mv "$file" recordings/blackbox.mcap ;;
        *) mv "$file" "recordings/$name.mcap" ;;
        esac
    done
    rm -rf "$work/out"
}

# Asks the simulated microscope for something, as its own client does.
ask() {
    path=$1
    shift
    curl --silent --show-error --fail --output /dev/null --get "$@" \
        "http://127.0.0.1:$imswitch/imswitch/api/$path"
}

make_microscope() {
    simulate --imswitch $imswitch --sensor 64x48 --fault drop-link=1
    {
        sleep 0.4
        ask PositionerController/movePositioner --data axis=X --data dist=25
        ask SettingsController/setDetectorExposureTime --data detectorName=WidefieldCamera \
            --data exposureTime=20
    } &
    record microscope 2900ms "simulated=imswitch://127.0.0.1:$imswitch"
    wait $!
}

make_lightsheet() {
    simulate --flamingo $flamingo --sensor 64x48
    work_at lightsheet 3 ':move x by 0.1mm\r' 2 ':live start\r' 1 ':live stop\r' 1 '' -- "$lightsheet"
}

make_market() {
    simulate --market $market --fleet $fleet --fault gap=60@BTCUSDT
    record market 23s "$kraken" "binance=binance:BTCUSDT?endpoint=ws://127.0.0.1:$market/binance" \
        "fleet=fleet://127.0.0.1:$fleet"
}

make_fleet() {
    simulate --fleet $fleet
    record fleet 45s "fleet=fleet://127.0.0.1:$fleet"
}

make_statistics() {
    simulate --fleet $fleet
    rows='events=instances_update&rows=instances_update:$.instances[*]&key=instances_update:instance_id'
    record statistics 45s "workers=socketio://127.0.0.1:$fleet?$rows&simulated=true"
}

make_prices() {
    simulate --market $market
    cat >"$work/prices.toml" <<'TOML'
[sources.prices]
url = "ws://127.0.0.1:18780/kraken"
subscribe = ['{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"]}}']
rows = "$.data[*]"
key = "symbol"
table = "trades"
simulated = true
TOML
    record prices 20s prices --config "$work/prices.toml"
}

# Somebody sits at a terminal, records, moves both microscopes, sees a link drop and presses the
# stop. What the black box saves of it is the sample of a black box.
make_session() {
    simulate --imswitch $imswitch --flamingo $flamingo --market $market --fleet $fleet \
        --sensor 32x24 --fault drop-link=14
    slow_pictures 800
    cat >"$work/session.toml" <<'TOML'
[black_box]
seconds = 5
TOML
    work_at session 6 2 1 ':scope:move X 40um\r' 3 ':lightsheet:move x by 0.2mm\r' \
        11 ':lightsheet:move x by -3mm\r' 0.7 '\x18' 4 ':clear\r' 8 '' \
        -- "$scope?limit=X:-1000..1000" "$lightsheet" "$kraken" "fleet=fleet://127.0.0.1:$fleet" \
        --config "$work/session.toml"
}

for name in ${*:-microscope lightsheet market fleet statistics prices session}; do
    "make_$name"
done
for file in recordings/*.mcap; do
    "$ttyscope" verify "$file" || [ $? = 3 ]
done
