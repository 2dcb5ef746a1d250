#!/bin/sh
# A Python that reads recordings, for all scripts that need one; says where it is, see venv.sh.
exec "$(dirname "$0")/venv.sh" mcap mcap==1.6.0 mcap-protobuf-support==0.6.0 jsonschema==4.26.0
