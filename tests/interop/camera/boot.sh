#!/bin/sh
# Boots the small virtual machine, waits until it has switched itself off, and shows what it said.
#
#   boot.sh FETCHED ROOT HOST FRAMES
#
# FETCHED is what fetch.sh made, ROOT is unpacked over it and has the program `init`, HOST is a
# folder that the machine mounts to leave its results in, FRAMES the JPEG files of the USB camera.
# The machine has no network: at the one address that it can reach the USB camera answers, started
# by the emulator for each connection.
set -eu
fetched=$1 root=$2 host=$3 frames=$4
here=$(cd "$(dirname "$0")" && pwd)
limit_s=150

"$here/archive.sh" "$root" | cat "$fetched/base.cpio" - >"$host.cpio"
trap 'rm -f "$host.cpio"' EXIT
acceleration=tcg,thread=multi
if [ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm) ' /proc/cpuinfo; then acceleration=kvm; fi
timeout --kill-after=5 "$limit_s" qemu-system-x86_64 \
    -machine q35 -accel "$acceleration" -cpu max -smp 2 -m 768 \
    -nodefaults -no-reboot -display none -serial stdio \
    -kernel "$fetched/vmlinuz" -initrd "$host.cpio" \
    -append "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable" \
    -virtfs "local,path=$host,mount_tag=host,security_model=mapped-xattr,id=host" \
    -device virtio-net-pci,netdev=camera \
    -netdev "user,id=camera,restrict=on,guestfwd=tcp:10.0.2.100:3240-cmd:python3 $here/uvc_camera.py $frames" \
    </dev/null | tr -d '\r' || { echo "the machine did not end within $limit_s s" >&2; exit 1; }
