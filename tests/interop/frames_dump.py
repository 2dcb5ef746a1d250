"""Takes the pictures out of a recording with the Python package `mcap` alone:

    frames_dump.py RECORDING FOLDER

writes the bytes of each as FOLDER/N.bin, in the order of the file, and FOLDER/frames.json, which has
for each its camera, size, encoding, times and what stood beside it.
"""

import json
import pathlib
import sys

from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory


def main(recording, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    frames, beside = [], {}
    with open(recording, "rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()], validate_crcs=True)
        for schema, channel, message in reader.iter_messages(log_time_order=False):
            if schema is None:
                continue
            key = (channel.metadata.get("source"), channel.metadata.get("camera"))
            if schema.name == "ttyscope.Frame":
                beside[key] = (message.log_time, json.loads(message.data))
            if schema.name not in ("foxglove.RawImage", "foxglove.CompressedImage"):
                continue
            picture = DecoderFactory().decoder_for("protobuf", schema)(message.data)
            at, record = beside.pop(key, (None, {}))
            if at != message.log_time:
                record = {}
            is_raw = schema.name == "foxglove.RawImage"
            (folder / f"{len(frames)}.bin").write_bytes(picture.data)
            frames.append({
                "source": key[0],
                "camera": record.get("detector", picture.frame_id),
                "number": record.get("number"),
                "device_ns": record.get("device_ns"),
                "pixel_size_um": record.get("pixel_size_um"),
                "log_time_ns": message.log_time,
                "encoding": picture.encoding if is_raw else picture.format,
                "width": picture.width if is_raw else None,
                "height": picture.height if is_raw else None,
            })
    (folder / "frames.json").write_text(json.dumps(frames))


main(*sys.argv[1:])
