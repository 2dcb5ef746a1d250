"""What a USB camera says of itself: one MJPEG size, exposure, brightness and gain.

Source: USB 2.0 chapter 9.6, "Standard USB Descriptor Definitions"; USB Device Class Definition for
Video Devices 1.1, chapter 3; its "Motion-JPEG Payload" for the format and the frame.
"""

import struct

CONTROL_INTERFACE, STREAMING_INTERFACE = 0, 1
TERMINAL_CAMERA, UNIT_PROCESSING, TERMINAL_OUT = 1, 2, 3
ENDPOINT = 0x81
STRINGS = {1: "ttyscope tests", 2: "Test Camera", 3: "0001"}
# One URB of the Linux driver holds at most 32 packets of 512 bytes; a payload fills one.
MAX_PAYLOAD = 32 * 512

# bmControls: automatic exposure (bit 1) and the absolute exposure time (bit 3).
CAMERA_CONTROLS = (1 << 1 | 1 << 3).to_bytes(3, "little")
# bmControls: brightness (bit 0) and gain (bit 9).
PROCESSING_CONTROLS = (1 << 0 | 1 << 9).to_bytes(2, "little")


def _descriptor(kind, body):
    return bytes([len(body) + 2, kind]) + body


def _class(subtype, body):
    """A class-specific descriptor of an interface."""
    return _descriptor(0x24, bytes([subtype]) + body)


def device():
    # Class "miscellaneous, interface association"; the vendor id that pid.codes lends for tests.
    return _descriptor(
        1, struct.pack("<H4BHHH4B", 0x0200, 0xEF, 2, 1, 64, 0x1209, 0x0001, 0x0100, 1, 2, 3, 1)
    )


def string(index):
    if index == 0:
        return _descriptor(3, struct.pack("<H", 0x0409))
    return _descriptor(3, STRINGS[index].encode("utf-16-le"))


def _control_interface():
    camera = _class(
        2, struct.pack("<BHBBHHHB", TERMINAL_CAMERA, 0x0201, 0, 0, 0, 0, 0, 3) + CAMERA_CONTROLS
    )
    processing = _class(
        5,
        struct.pack("<BBHB", UNIT_PROCESSING, TERMINAL_CAMERA, 0, 2)
        + PROCESSING_CONTROLS
        + b"\0\0",
    )
    out = _class(3, struct.pack("<BHBBB", TERMINAL_OUT, 0x0101, 0, UNIT_PROCESSING, 0))
    parts = camera + processing + out
    header = _class(
        1, struct.pack("<HHIBB", 0x0110, 13 + len(parts), 48_000_000, 1, STREAMING_INTERFACE)
    )
    return _descriptor(4, bytes([CONTROL_INTERFACE, 0, 0, 0x0E, 1, 0, 0])) + header + parts


def _streaming_interface(width, height, intervals, max_frame):
    form = _class(6, bytes([1, 1, 0, 1, 0, 0, 0, 0]))
    frame = _class(
        7,
        struct.pack(
            "<BBHHIIIIB", 1, 0, width, height, 0, 0, max_frame, intervals[0], len(intervals)
        )
        + struct.pack(f"<{len(intervals)}I", *intervals),
    )
    colours = _class(0x0D, bytes([1, 1, 4]))
    parts = form + frame + colours
    header = _class(
        1, struct.pack("<BHBBBBBBBB", 1, 14 + len(parts), ENDPOINT, 0, TERMINAL_OUT, 0, 0, 0, 1, 0)
    )
    # A bulk endpoint stands in the first setting of the interface: there is no bandwidth to ask for.
    endpoint = _descriptor(5, struct.pack("<BBHB", ENDPOINT, 2, 512, 0))
    return (
        _descriptor(4, bytes([STREAMING_INTERFACE, 0, 1, 0x0E, 2, 0, 0]))
        + header
        + parts
        + endpoint
    )


def configuration(width, height, intervals, max_frame):
    """All descriptors of the one configuration.

    - `intervals`: times between frames, in units of 100 ns, the usual one first
    - `max_frame`: bytes of the largest frame
    """
    body = (
        _descriptor(11, bytes([CONTROL_INTERFACE, 2, 0x0E, 3, 0, 2]))
        + _control_interface()
        + _streaming_interface(width, height, intervals, max_frame)
    )
    return _descriptor(2, struct.pack("<HBBBBB", 9 + len(body), 2, 1, 0, 0x80, 250)) + body
