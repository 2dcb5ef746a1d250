#!/usr/bin/env python3
"""Takes the JPEG pictures out of a recording, as files that a test camera can play.

    jpeg_files.py RECORDING FOLDER

Each gets a comment of another length behind its first marker, so that no two are the same, most
do not fit into one packet, and whoever encodes a picture anew is found out.
"""

import random
import sys
from pathlib import Path

from recording import Recording


def main(recording, folder):
    dice = random.Random(5)
    for number, picture in enumerate(Recording(recording).of("foxglove.CompressedImage")):
        comment = dice.randbytes(dice.randrange(60_000))
        # Source: ITU-T T.81, B.2.4.5 "Comment"; the length counts its own two bytes.
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        start, rest = picture.data[:2], picture.data[2:]
        Path(folder, f"{number:03}.jpg").write_bytes(start + segment + rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
