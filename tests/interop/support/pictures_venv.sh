#!/bin/sh
# A Python that reads pictures, for all scripts that need one; says where it is, see venv.sh.
exec "$(dirname "$0")/venv.sh" pictures \
    tifffile==2026.3.3 numpy pillow==13.0.0 'ome-types[lxml]==0.7.0' xmlschema==4.3.2
