"""The device's side of USB/IP over one connection: requests in, answers out.

Knows no descriptor and no camera. It reads a connection on which the device counts as attached
already, so there is no list of devices and no import request.
Source: Linux, Documentation/usb/usbip_protocol.rst, "USBIP_CMD_SUBMIT" and the tables behind it.
"""

import os
import select
import struct
from dataclasses import dataclass

SUBMIT, UNLINK, SUBMITTED, UNLINKED = 1, 2, 3, 4
# Linux error numbers, which is what the protocol carries.
STALL = -32  # EPIPE: this request is not supported
TAKEN_BACK = -104  # ECONNRESET: the request was taken back before it was answered


@dataclass(frozen=True)
class Request:
    """One transfer that the host wants.

    - `inward`: from the device to the host
    - `length`: bytes that the host wants or brings
    - `setup`: the eight bytes of a control transfer
    """

    number: int
    endpoint: int
    inward: bool
    length: int
    setup: bytes
    data: bytes


class Connection:
    """Reads from `inlet` and writes to `outlet`, both file descriptors."""

    def __init__(self, inlet, outlet):
        self.inlet, self.outlet = inlet, outlet

    def wait(self, seconds):
        """Whether something came within `seconds`; for ever where that is None."""
        return bool(select.select([self.inlet], [], [], seconds)[0])

    def _take(self, size):
        parts = b""
        while len(parts) < size:
            part = os.read(self.inlet, size - len(parts))
            if not part:
                raise EOFError("the host has gone")
            parts += part
        return parts

    def _put(self, data):
        while data:
            data = data[os.write(self.outlet, data) :]

    def next(self):
        """The next `Request`, or the number of one that the host takes back.

        The latter comes as `(number of the taking back, number of the request)`.
        """
        header = self._take(48)
        command, number, _device, direction, endpoint = struct.unpack_from(">5I", header)
        if command == UNLINK:
            return number, struct.unpack_from(">I", header, 20)[0]
        if command != SUBMIT:
            raise ValueError(f"command {command} is not one of a host")
        length = struct.unpack_from(">i", header, 24)[0]
        data = b"" if direction else self._take(length)
        return Request(number, endpoint, bool(direction), length, header[40:48], data)

    def answer(self, request, data=b"", status=0):
        """Ends a request: `data` goes to the host, or all that it brought counts as taken."""
        length = len(data) if request.inward else len(request.data)
        header = struct.pack(">5I5i8x", SUBMITTED, request.number, 0, 0, 0, status, length, 0, 0, 0)
        self._put(header + data)

    def taken_back(self, number, was_waiting):
        """Confirms a taking back; a request that was answered before stays answered."""
        status = TAKEN_BACK if was_waiting else 0
        self._put(struct.pack(">5Ii24x", UNLINKED, number, 0, 0, 0, status))
