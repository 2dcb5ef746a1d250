#!/bin/sh
# Writes a folder to stdout in the form that the kernel unpacks as its first root. Several of them
# behind one another are one.
# Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst
set -eu
cd "$1"
find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet
