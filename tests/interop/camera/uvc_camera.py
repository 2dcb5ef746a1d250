#!/usr/bin/env python3
"""A USB camera that sends JPEG files as they are, for the kernel's `uvcvideo` driver.

    uvc_camera.py FOLDER

Plays the files FOLDER/*.jpg by name, over and over, from the first one whenever a stream begins.
The device speaks USB/IP on stdin and stdout; on the other side the kernel's `vhci_hcd` plugs it
into a virtual USB port. It ends when the connection does, which is a pulled cable.

Source: USB Device Class Definition for Video Devices 1.1, chapter 4 "Class-Specific Requests", and
its "Motion-JPEG Payload", 2.2 "Payload Header".
"""

import struct
import sys
import time
from collections import deque
from pathlib import Path

import uvc_descriptors as descriptors
from usbip import STALL, Connection

SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES = 0x01, 0x81, 0x82, 0x83, 0x84
GET_LEN, GET_INFO, GET_DEF = 0x85, 0x86, 0x87
PROBE, COMMIT = 1, 2
# 1/12.5 s and 1/25 s in units of 100 ns.
INTERVALS = (800_000, 400_000)


class Control:
    """One setting: a whole number of `size` bytes within bounds."""

    def __init__(self, size, low, high, step, usual):
        self.size, self.low, self.high, self.step, self.usual = size, low, high, step, usual
        self.value = usual

    def get(self, request):
        values = {
            GET_CUR: self.value,
            GET_MIN: self.low,
            GET_MAX: self.high,
            GET_RES: self.step,
            GET_DEF: self.usual,
        }
        if request == GET_INFO:
            return b"\x03"  # can be read and set
        if request == GET_LEN:
            return struct.pack("<H", self.size)
        if request not in values:
            return None
        return values[request].to_bytes(self.size, "little", signed=self.low < 0)

    def set(self, data):
        self.value = int.from_bytes(data, "little", signed=self.low < 0)


class Stream:
    """The frames, cut into payloads, each in its time."""

    def __init__(self, frames):
        self.frames = frames
        self.interval = INTERVALS[0]
        self.begin()

    def begin(self):
        self.payloads = deque()
        self.count = 0
        self.due = time.monotonic()

    def negotiated(self):
        """The answer to a probe: the one format and size, the interval that was asked for."""
        largest = max(map(len, self.frames))
        return struct.pack(
            "<HBBIHHHHHIIIBBBB",
            *(1, 1, 1, self.interval, 0, 0, 0, 0, 0),
            *(largest, descriptors.MAX_PAYLOAD, 48_000_000, 3, 0, 0, 0),
        )

    def wish(self, data):
        asked = struct.unpack_from("<I", data, 4)[0]
        self.interval = min(INTERVALS, key=lambda interval: abs(interval - asked))

    def seconds_to_wait(self):
        return 0.0 if self.payloads else max(0.0, self.due - time.monotonic())

    def next_payload(self):
        if not self.payloads:
            frame = self.frames[self.count % len(self.frames)]
            room = descriptors.MAX_PAYLOAD - 2
            parts = [frame[at : at + room] for at in range(0, len(frame), room)]
            for place, part in enumerate(parts):
                # Bit 0 changes with each frame, bit 1 ends one, bit 7 ends the header.
                flags = 0x80 | self.count % 2 | (2 if place == len(parts) - 1 else 0)
                self.payloads.append(bytes([2, flags]) + part)
            self.count += 1
            # A host that was slow gets the next frame at once, but no burst.
            self.due = max(self.due + self.interval * 1e-7, time.monotonic())
        return self.payloads.popleft()


def jpeg_size(data):
    """Width and height in the frame header of a JPEG. Source: ITU-T T.81, B.2.2."""
    at = 2
    while at + 9 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    raise ValueError("not a JPEG")


class Camera:
    def __init__(self, frames):
        sizes = {jpeg_size(frame) for frame in frames}
        if len(sizes) != 1:
            raise ValueError(f"the frames are of several sizes: {sizes}")
        (width, height), largest = sizes.pop(), max(map(len, frames))
        self.configuration = descriptors.configuration(width, height, INTERVALS, largest)
        self.stream = Stream(frames)
        # By entity and selector. Exposure is in units of 100 us: 1 ms to 1 s.
        self.controls = {
            (descriptors.TERMINAL_CAMERA, 0x02): Control(1, 1, 8, 1 | 8, 8),
            (descriptors.TERMINAL_CAMERA, 0x04): Control(4, 10, 10_000, 1, 200),
            (descriptors.UNIT_PROCESSING, 0x02): Control(2, -64, 64, 1, 0),
            (descriptors.UNIT_PROCESSING, 0x04): Control(2, 0, 255, 1, 16),
        }

    def read(self, setup):
        """What a control transfer towards the host brings; None where it is not supported."""
        kind, request, value, index, _length = struct.unpack("<BBHHH", setup)
        high, low = value >> 8, value & 0xFF
        if kind == 0x80 and request == 6:
            if high == 1:
                return descriptors.device()
            if high == 2:
                return self.configuration
            if high == 3 and (low == 0 or low in descriptors.STRINGS):
                return descriptors.string(low)
            return None
        if kind in (0x80, 0x81, 0x82) and request == 0:
            return b"\0\0"  # status: powered by the bus, not halted
        if kind == 0xA1 and index & 0xFF == descriptors.STREAMING_INTERFACE:
            return self.stream.negotiated() if high in (PROBE, COMMIT) else None
        if kind == 0xA1:
            control = self.controls.get((index >> 8, high))
            return control.get(request) if control else None
        return None

    def write(self, setup, data):
        """Whether a control transfer from the host is supported; it is done then."""
        kind, request, value, index, _length = struct.unpack("<BBHHH", setup)
        high = value >> 8
        if kind == 0x21 and request == SET_CUR:
            if index & 0xFF == descriptors.STREAMING_INTERFACE:
                self.stream.wish(data)
                if high == COMMIT:
                    self.stream.begin()
                return high in (PROBE, COMMIT)
            control = self.controls.get((index >> 8, high))
            if control:
                control.set(data)
            return control is not None
        # Standard requests: clear a feature, choose the configuration or a setting of an interface.
        return kind in (0x00, 0x01, 0x02) and request in (1, 9, 11)

    def serve(self, connection):
        """Answers until the connection ends."""
        waiting = deque()
        while True:
            if not connection.wait(self.stream.seconds_to_wait() if waiting else None):
                request = waiting.popleft()
                connection.answer(request, self.stream.next_payload())
                continue
            request = connection.next()
            if isinstance(request, tuple):
                number, old = request
                kept = deque(one for one in waiting if one.number != old)
                connection.taken_back(number, len(kept) != len(waiting))
                waiting = kept
            elif request.endpoint:
                waiting.append(request)
            elif request.inward:
                data = self.read(request.setup)
                status = STALL if data is None else 0
                connection.answer(request, (data or b"")[: request.length], status)
            else:
                done = self.write(request.setup, request.data)
                connection.answer(request, status=0 if done else STALL)


def main(folder):
    frames = [path.read_bytes() for path in sorted(Path(folder).glob("*.jpg"))]
    try:
        Camera(frames).serve(Connection(sys.stdin.fileno(), sys.stdout.fileno()))
    except (EOFError, ConnectionError):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
