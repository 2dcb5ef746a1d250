# The cameras of the virtual machine: how they come, go, and what another program makes of them.
#
# shellcheck shell=busybox
usb_port=/sys/devices/platform/vhci_hcd.0

# Tries a command until it is good, ten times a second for half a minute.
until_good() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -ge 300 ]; then
            echo "in vain: $*"
            return 1
        fi
        sleep 0.1
    done
}

# Waits until an output has so many lines with a text.
until_said() {
    until_good has_lines "$@"
}

has_lines() {
    [ "$(grep -cF "$2" "/host/$1")" -ge "$3" ]
}

# Where the camera with that driver is; the first of its nodes takes pictures.
node_of() {
    for node in /sys/class/video4linux/video*; do
        if [ "$(cat "$node/index")" = 0 ] && grep -q "$1" "$node/name"; then
            echo "/dev/${node##*/}"
            return 0
        fi
    done
    return 1
}

# A webcam that takes pictures and nothing else; its errors can be had by pressing its buttons.
load_test_camera() {
    modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0
    until_good node_of vivid
    test_camera=$(node_of vivid)
    # Nothing but the pattern in the picture.
    v4l2-ctl -d "$test_camera" -c osd_text_mode=2
}

# The camera answers at the one address there is; the kernel goes on with the connection.
plug_usb_camera() {
    modprobe uvcvideo
    modprobe vhci_hcd
    # Port 0, the connection that is this shell's input, any number, USB 2.0.
    nc 10.0.2.100 3240 -e /bin/sh -c "echo 0 0 1 3 >$usb_port/attach"
    until_good node_of 'Test Camera'
    usb_camera=$(node_of 'Test Camera')
    until_good v4l2-ctl -d "$usb_camera" --get-fmt-video
}

unplug_usb_camera() {
    echo 0 >"$usb_port/detach"
}

# One picture as `v4l2-ctl` gets it.
reference() {
    v4l2-ctl -d "$test_camera" \
        --set-fmt-video="width=${3%x*},height=${3#*x},pixelformat=$(printf '%-4s' "$2")" \
        --stream-mmap --stream-count=1 --stream-to="/tmp/$1.raw" 2>/dev/null
    mv "/tmp/$1.raw" /host/
}
