# What is done in the virtual machine. Nothing is judged here: outputs, exit codes, recordings and
# what `v4l2-ctl` says at the same time go to the host, which compares them.
#
# shellcheck shell=busybox source-path=SCRIPTDIR source=devices.sh disable=SC1091
. /guest/devices.sh

# Runs a program; its outputs and its exit code are kept under a name.
keep() {
    name=$1
    shift
    echo "$name at $(cut -d' ' -f1 /proc/uptime) s" >>/host/steps
    code=0
    "$@" >"/host/$name.stdout" 2>"/host/$name.stderr" &
    echo "$!" >"/tmp/$name.pid"
    wait "$!" || code=$?
    echo "$code" >"/host/$name.code"
}

# Runs a recorder until it says that its source is down.
keep_until_down() {
    refused=$1
    keep "$@" &
    until_said "$refused.stderr" ': down (' 1
    end "$refused"
}

# Ends a program that runs in the background.
end() {
    kill -TERM "$(cat "/tmp/$1.pid")"
    until_good test -e "/host/$1.code"
}

# Records in the background, until `end_recording`. Waits until pictures come.
begin_recording() {
    recording=$1
    keep "$1" ttyscope record "$2" --out "/tmp/$1" --log-dir /tmp/log --json &
    until_said "$1.stderr" ': live' 1
}

end_recording() {
    end "$recording"
    mv "/tmp/$recording"/*.mcap "/host/$recording.mcap" || true
}

# Records so many messages of a source.
record() {
    keep "$1" ttyscope record "$2" --out "/tmp/$1" --log-dir /tmp/log --json \
        --max-messages "$3"
    mv "/tmp/$1"/*.mcap "/host/$1.mcap" || true
}

load_test_camera
plug_usb_camera

keep list ttyscope cameras
keep list-json ttyscope cameras --json

# Each format of the test camera, and what another program gets of it.
grep -v '^#' /guest/cases | while read -r name format fourcc size rate pattern; do
    v4l2-ctl -d "$test_camera" -c "test_pattern=$pattern"
    record "$name" "camera:$test_camera?format=$format&size=$size&rate=$rate" 30
    v4l2-ctl -d "$test_camera" --get-parm >"/host/$name.parm"
    reference "$name" "$fourcc" "$size"
done

# MJPEG from USB.
record mjpeg "camera:$usb_camera?format=mjpg" 40

# Controls are set, and read back by another program. The exposure is the camera's own matter first.
v4l2-ctl -d "$test_camera" -c test_pattern=6
keep set-brightness ttyscope send --timeout 60s "camera:$test_camera" set brightness 100
keep get-brightness ttyscope get --timeout 60s "camera:$test_camera" camera/brightness
v4l2-ctl -d "$test_camera" -C brightness >/host/brightness.v4l2
record dark "camera:$test_camera?format=yuyv&size=320x180&rate=25" 20
v4l2-ctl -d "$test_camera" -c brightness=128
keep not-yet ttyscope send --timeout 60s "camera:$usb_camera" exposure 30ms
keep by-hand ttyscope send --timeout 60s "camera:$usb_camera" set auto-exposure manual
keep set-exposure ttyscope send --timeout 60s "camera:$usb_camera" exposure 30ms
keep get-exposure ttyscope get --timeout 60s "camera:$usb_camera" camera/exposure
v4l2-ctl -d "$usb_camera" -C exposure_time_absolute >/host/exposure.v4l2

# Pictures that the driver leaves out.
v4l2-ctl -d "$test_camera" -c percentage_of_dropped_buffers=30
record dropped "camera:$test_camera?format=grey&size=320x180&rate=25" 40
v4l2-ctl -d "$test_camera" -c percentage_of_dropped_buffers=0

# One is enough for a camera, and not everybody may have it.
begin_recording trouble "camera:$test_camera?format=grey&size=320x180&rate=25"
keep_until_down busy ttyscope record "camera:$test_camera" --out /tmp/busy --log-dir /tmp/log
chgrp video "$test_camera"
chmod 660 "$test_camera"
mkdir -m 777 /tmp/nobody
keep_until_down forbidden su nobody -c \
    "exec ttyscope record camera:$test_camera --out /tmp/nobody --log-dir /tmp/nobody"
# A picture that the driver calls broken, then an error that ends the stream but not the device.
v4l2-ctl -d "$test_camera" -c inject_v4l2_buf_flag_error=1
until_said trouble.stderr broken 1
v4l2-ctl -d "$test_camera" -c inject_fatal_streaming_error=1
until_said trouble.stderr ': down (' 1
until_said trouble.stderr ': live' 2
end_recording

# The cable is pulled while it records, and put in again.
begin_recording unplugged-usb "camera:$usb_camera"
unplug_usb_camera
until_said unplugged-usb.stderr ': down (' 1
plug_usb_camera
until_said unplugged-usb.stderr ': live' 2
end_recording

# The same with the test camera: it is taken out of the kernel while it is gone.
begin_recording unplugged-test "camera:$test_camera?format=yuyv&size=320x180&rate=25"
v4l2-ctl -d "$test_camera" -c disconnect=1
until_said unplugged-test.stderr ': down (' 1
until_good rmmod vivid
# It is not to see the camera before that shows the pattern alone.
kill -STOP "$(cat /tmp/unplugged-test.pid)"
load_test_camera
kill -CONT "$(cat /tmp/unplugged-test.pid)"
until_said unplugged-test.stderr ': live' 2
end_recording
