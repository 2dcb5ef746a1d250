#!/bin/sh
# A kernel with camera drivers, busybox and v4l2-ctl from Debian's packages, as one archive for the
# kernel to unpack. Nothing is installed but the emulator, and that only by root.
#
#   fetch.sh INTO
#
# Leaves INTO/vmlinuz and INTO/base.cpio, and does nothing where they are from before. Ends with 77
# and says why where it cannot be done on this machine.
set -eu
into=$1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin

skip() {
    echo "$1"
    exit 77
}

[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || skip "this is no Debian on x86-64"
needs_install=""
command -v qemu-system-x86_64 >/dev/null || needs_install="qemu-system-x86"
for tool in cpio:cpio modprobe:kmod depmod:kmod; do
    command -v "${tool%:*}" >/dev/null || needs_install="$needs_install ${tool#*:}"
done
if [ -n "$needs_install" ]; then
    [ "$(id -u)" = 0 ] || skip "not installed, and only root can:$needs_install"
    # shellcheck disable=SC2086  # a list of packages
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $needs_install; } \
        >/dev/null 2>&1 || skip "cannot be installed: $needs_install"
fi

# The archive belongs to the script that made it.
made_by=$(cat "$0" "$here/modules" | cksum)
[ "$(cat "$into/made-by" 2>/dev/null)" != "$made_by" ] || exit 0

rm -rf "$into"
mkdir -p "$into/packages" "$into/unpacked" "$into/root"
into=$(cd "$into" && pwd)
kernel=$(apt-cache depends linux-image-amd64 2>/dev/null |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$kernel" ] || skip "apt knows no kernel named linux-image-amd64"
(cd "$into/packages" && apt-get download -qq "$kernel" busybox-static \
    v4l-utils libv4l-0 libv4l2rds0 libv4lconvert0 libjpeg62-turbo libudev1) >/dev/null 2>&1 ||
    skip "the packages of the kernel cannot be downloaded"
for package in "$into"/packages/*.deb; do
    dpkg-deb --extract "$package" "$into/unpacked"
done

version=$(ls "$into/unpacked/lib/modules")
depmod -b "$into/unpacked" "$version"
root="$into/root"
mkdir -p "$root/bin" "$root/lib"
while read -r module _; do
    modprobe -d "$into/unpacked" -S "$version" --show-depends "$module"
done <"$here/modules" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
    copy="$root/${file#"$into/unpacked/"}"
    mkdir -p "$(dirname "$copy")"
    cp "$file" "$copy"
done
cp "$into/unpacked/lib/modules/$version"/modules.order \
    "$into/unpacked/lib/modules/$version"/modules.builtin* "$root/lib/modules/$version/"
depmod -b "$root" "$version"
cp "$into/unpacked/bin/busybox" "$root/bin/"
LD_LIBRARY_PATH="$into/unpacked/usr/lib/x86_64-linux-gnu" \
    "$here/with_libraries.sh" "$into/unpacked/usr/bin/v4l2-ctl" "$root"

"$here/archive.sh" "$root" >"$into/base.cpio"
cp "$into/unpacked/boot/vmlinuz-$version" "$into/vmlinuz"
rm -rf "$into/packages" "$into/unpacked" "$into/root"
echo "$made_by" >"$into/made-by"
