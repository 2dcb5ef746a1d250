#!/usr/bin/env python3
"""Compares what the virtual machine left behind with what the cameras are known to send.

    judge.py HOST CASES FRAMES

HOST is the folder that the machine wrote to, CASES what it recorded of its test camera, FRAMES the
folder of JPEG files that its USB camera plays. One line a finding; ends with 1 if one is wrong.
"""

import json
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from mcap.exceptions import McapError

import patterns
from recording import Recording

RAW, JPEG = "foxglove.RawImage", "foxglove.CompressedImage"
# How recordings name a format of the driver, and the bits of a value where the format says them.
RECORDED = {
    "YUYV": ("yuyv", None),
    "GREY": ("mono8", 8),
    "Y12": ("mono16", 12),
    "Y16": ("mono16", 16),
    "NV12": ("nv12", None),
    "RGB3": ("rgb8", None),
}


class Wrong(Exception):
    """A sentence about what is not as it should be."""


def must(is_so, sentence):
    if not is_so:
        raise Wrong(sentence)


class Host:
    """The folder of results."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8")

    def ended_with(self, name, code):
        """The last lines of the program's messages stand in the sentence if it did not."""
        got = int(self.text(f"{name}.code"))
        said = " / ".join(self.text(f"{name}.stderr").splitlines()[-3:])
        must(got == code, f"ended with {got} instead of {code}: {said}")

    def recorded(self, name):
        """A recorder that ended by itself says that nothing is missing, or how many pictures.

        Those that a machine so slow loses are nobody's fault, as long as they are counted.
        """
        missing = self.summary(name)["missing"]
        self.ended_with(name, 3 if missing else 0)
        for sentence in missing:
            is_loss = "frames of" in sentence or "dropped: reader behind" in sentence
            must(is_loss, sentence)

    def recording(self, name):
        return Recording(self.folder / f"{name}.mcap")

    def summary(self, name):
        """The verdict of a recorder, the last line that it wrote."""
        return json.loads(self.text(f"{name}.stdout").splitlines()[-1])["summary"]


def same(pictures, want, whose):
    """All pictures have the bytes `want`; says where the first one does not."""
    for number, picture in enumerate(pictures):
        if picture.data == want:
            continue
        must(
            len(picture.data) == len(want),
            f"picture {number} has {len(picture.data)} bytes, {whose} {len(want)}",
        )
        at = next(i for i, (a, b) in enumerate(zip(picture.data, want)) if a != b)
        raise Wrong(f"picture {number}: byte {at} is {picture.data[at]}, of {whose} {want[at]}")


def no_picture_is_missing(recording):
    """Numbers go up by one, or by as many as are said to be lost."""
    frames = recording.of("ttyscope.Frame")
    for before, frame in pairwise(frames):
        step = frame["number"] - before["number"]
        must(
            step == 1 + frame["lost_before"],
            f"number {frame['number']} follows {before['number']}, {frame['lost_before']} lost",
        )


def test_camera(host, name, fourcc, size, rate, pattern):
    """Pictures of a pattern are what it defines, and what another program gets of the device."""
    host.recorded(name)
    recording = host.recording(name)
    pictures = recording.of(RAW)
    must(len(pictures) >= 5, f"only {len(pictures)} pictures")
    width, height = map(int, size.split("x"))
    encoding, bit_depth = RECORDED[fourcc]
    for picture in pictures:
        got = (picture.width, picture.height, picture.encoding)
        must(got == (width, height, encoding), f"a picture is {got}")
    for frame in recording.of("ttyscope.Frame"):
        got = frame.get("bit_depth")
        must(got == bit_depth, f"a picture has {got} bits, its format {bit_depth}")
    no_picture_is_missing(recording)
    same(pictures, (host.folder / f"{name}.raw").read_bytes(), "v4l2-ctl's")
    same(pictures, patterns.picture(int(pattern), fourcc, width, height), "the pattern's")
    # Such as: Frames per second: 12.500 (25/2)
    said = host.text(f"{name}.parm").split("(")[-1].split(")")[0]
    must(Fraction(said) == Fraction(rate), f"the driver runs at {said}, not at {rate} a second")
    return f"{len(pictures)} pictures {size} at {rate}, each byte as defined and as by v4l2-ctl"


def places(pictures, files):
    """Which file each picture is, byte for byte."""
    found = []
    for number, picture in enumerate(pictures):
        must(picture.data in files, f"picture {number} is none of the files that were sent")
        found.append(files.index(picture.data))
    return found


def mjpeg(host, files):
    """JPEG comes through untouched, and in its order."""
    host.recorded("mjpeg")
    recording = host.recording("mjpeg")
    found = places(recording.of(JPEG), files)
    must(len(found) > len(files), f"only {len(found)} pictures")
    no_picture_is_missing(recording)
    lost = [frame["lost_before"] for frame in recording.of("ttyscope.Frame")]
    for before, place, gap in zip(found, found[1:], lost[1:]):
        want = (before + 1 + gap) % len(files)
        must(place == want, f"file {place} follows {before}, with {gap} lost between")
    return f"{len(found)} pictures, each byte as it was sent"


def went_through(host):
    """What the machine did was done to the end."""
    last = host.text("steps").splitlines()[-1]
    must((host.folder / "status").exists(), f"it was stopped before the end, in {last}")
    status = host.text("status").strip()
    must(status == "0", f"it broke off with {status}, after {last}")
    return f"went through, the last step was {last}"


def listed(host):
    """Both cameras are in the list, and the nodes that take no pictures are not."""
    host.ended_with("list", 0)
    host.ended_with("list-json", 0)
    text = host.text("list.stdout")
    cameras = json.loads(host.text("list-json.stdout"))["cameras"]
    for name, driver_format in (("vivid", "YUYV"), ("Test Camera", "MJPG")):
        must(name in text, f"{name} is not in the list: {text}")
        mine = [camera for camera in cameras if name in camera["name"]]
        must(len(mine) == 1, f"{name} is in the list {len(mine)} times")
        must(driver_format in json.dumps(mine[0]), f"{name} has no format {driver_format}")
    must(len(cameras) == 2, f"{len(cameras)} cameras are listed")
    return "both cameras, each once, with their formats"


def control(host, name, said, driver_line):
    """A control that was set says so, and the driver says so to another program."""
    host.ended_with(f"set-{name}", 0)
    host.ended_with(f"get-{name}", 0)
    text = host.text(f"get-{name}.stdout").strip()
    must(said in text, f"it reads {text} instead of {said}")
    driver = host.text(f"{name}.v4l2").strip()
    must(driver == driver_line, f"the driver says {driver} instead of {driver_line}")
    return f"{text}; the driver: {driver}"


def by_hand(host):
    """An exposure that the camera minds itself is refused, with what to do; done, it is not."""
    host.ended_with("not-yet", 4)
    said = host.text("not-yet.stdout").strip()
    must("set auto-exposure by hand" in said, f"it says {said}")
    host.ended_with("by-hand", 0)
    return said


def darker(host):
    """The control that was set is in the pictures: 28 steps less than usual."""
    host.recorded("dark")
    pictures = host.recording("dark").of(RAW)
    must(len(pictures) >= 5, f"only {len(pictures)} pictures")
    same(pictures, patterns.picture(6, "YUYV", 320, 180, brighter=-28), "darker white's")
    return f"{len(pictures)} pictures as dark as they were told"


def dropped(host):
    """What the driver leaves out is counted by the numbers of the others."""
    host.recorded("dropped")
    recording = host.recording("dropped")
    no_picture_is_missing(recording)
    lost = sum(frame["lost_before"] for frame in recording.of("ttyscope.Frame"))
    must(lost > 0, "none is said to be lost")
    return f"{lost} pictures beside {len(recording.of(RAW))}"


def refused(host, name, words):
    """A camera that cannot be had is no recording, and the reason is said."""
    code = host.text(f"{name}.code").strip()
    must(code in ("1", "3"), f"ended with {code}")
    said = [line for line in host.text(f"{name}.stderr").splitlines() if ": down (" in line]
    must(said and all(word in said[0] for word in words), f"says {said} without {words}")
    return said[0]


def trouble(host):
    """A broken picture is counted and not recorded; a stream that broke begins again."""
    host.ended_with("trouble", 3)
    source = host.summary("trouble")["sources"][0]
    must(source["link_losses"] == 1, f"the link was lost {source['link_losses']} times")
    malformed = dict(source["dropped_by"]).get("malformed", 0)
    must(malformed == 1, f"{malformed} broken pictures are counted")
    pictures = host.recording("trouble").of(RAW)
    same(pictures, patterns.picture(6, "GREY", 320, 180), "the pattern's")
    return f"{len(pictures)} whole pictures, 1 broken one, 1 new beginning"


def unplugged(host, name, before, after):
    """The recorder says that the camera is gone, goes on, and ends with the code for it.

    `before` and `after` judge the pictures before the cable was pulled and after that.
    """
    host.ended_with(name, 3)
    summary = host.summary(name)
    must(not summary["complete"], "the summary says that nothing is missing")
    losses = summary["sources"][0]["link_losses"]
    must(losses == 1, f"the link was lost {losses} times by the summary")
    must(all(file["complete"] for file in summary["files"]), "the file is not whole")
    first, second, is_down = [], [], False
    for schema, said in host.recording(name).messages:
        if schema == "ttyscope.Link":
            is_down = is_down or said["state"] == "down"
        elif schema in (RAW, JPEG):
            (second if is_down else first).append(said)
    must(first and second, f"{len(first)} pictures before it was gone and {len(second)} after")
    before(first)
    after(second)
    return f"{len(first)} pictures, gone, {len(second)} pictures; {'; '.join(summary['missing'])}"


def findings(host, cases, frames):
    """All that is judged, as a name and what judges it."""
    files = [path.read_bytes() for path in sorted(Path(frames).glob("*.jpg"))]
    yield "the machine", lambda: went_through(host)
    yield "list", lambda: listed(host)
    for line in Path(cases).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, fourcc, size, rate, pattern = line.split()
            yield name, lambda case=(name, fourcc, size, rate, pattern): test_camera(host, *case)
    yield "mjpeg", lambda: mjpeg(host, files)
    yield "brightness", lambda: control(host, "brightness", "100", "brightness: 100")
    yield "darker", lambda: darker(host)
    yield "by hand", lambda: by_hand(host)
    # The driver counts in units of 100 us.
    yield "exposure", lambda: control(host, "exposure", "30", "exposure_time_absolute: 300")
    yield "dropped", lambda: dropped(host)
    yield "busy", lambda: refused(host, "busy", ["/dev/video0", "in use"])
    yield "forbidden", lambda: refused(host, "forbidden", ["/dev/video0", "group video"])
    yield "trouble", lambda: trouble(host)
    yield (
        "USB unplugged",
        lambda: unplugged(
            host,
            "unplugged-usb",
            lambda pictures: places(pictures, files),
            lambda pictures: places(pictures, files),
        ),
    )
    white = patterns.picture(6, "YUYV", 320, 180)
    bars = patterns.picture(0, "YUYV", 320, 180)
    yield (
        "test camera unplugged",
        lambda: unplugged(
            host,
            "unplugged-test",
            lambda pictures: same(pictures, white, "the pattern's"),
            lambda pictures: same(pictures, bars, "the pattern's"),
        ),
    )


def main(host, cases, frames):
    good = True
    for name, judge in findings(Host(host), cases, frames):
        try:
            print(f"{name}: {judge()}")
        except (Wrong, McapError, OSError, KeyError, ValueError) as error:
            good = False
            print(f"{name}: WRONG: {error if isinstance(error, Wrong) else repr(error)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
