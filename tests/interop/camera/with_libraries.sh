#!/bin/sh
# Copies a program into ROOT/bin, and the shared libraries that it names into ROOT/lib.
#
#   with_libraries.sh PROGRAM ROOT
set -eu
mkdir -p "$2/bin" "$2/lib"
# Debug information would be most of it.
strip --strip-debug -o "$2/bin/${1##*/}" "$1" 2>/dev/null || cp -L "$1" "$2/bin/"
ldd "$1" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    case "$library" in
    # The loader stands where the program says; the others where the loader looks first.
    */ld-linux*) copy="$2$library" ;;
    *) copy="$2/lib/${library##*/}" ;;
    esac
    mkdir -p "${copy%/*}"
    cp -L "$library" "$copy"
done
