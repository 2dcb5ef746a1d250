"""Compares what was exported of a recording with the pictures that `frames_dump.py` took out of it:

    pictures_export_read.py FOLDER

FOLDER has `frames` and one folder for each format.
"""

import html.parser
import io
import json
import pathlib
import sys
from collections import defaultdict

import numpy
import ome_types
import tifffile
from PIL import Image, ImageSequence

failures = 0


def check(what, found, want):
    global failures
    if found != want:
        failures += 1
        print(f"{what}: {found!r} instead of {want!r}", file=sys.stderr)


def values_of(folder, index, frame):
    """The pixels of a picture, and how far another decoder may be from them."""
    body = (folder / f"{index}.bin").read_bytes()
    if frame["encoding"] == "jpeg":
        # Two decoders of one JPEG may differ by the rounding of its transform.
        return numpy.asarray(Image.open(io.BytesIO(body))), 3
    kind, channels = {"mono8": ("u1", 1), "mono16": ("<u2", 1), "rgb8": ("u1", 3)}[frame["encoding"]]
    shape = (frame["height"], frame["width"]) + ((3,) if channels == 3 else ())
    return numpy.frombuffer(body, dtype=kind).reshape(shape), 0


def check_values(what, found, values, slack):
    check(f"{what} type", str(found.dtype), str(values.dtype.newbyteorder("=")))
    check(f"{what} shape", found.shape, values.shape)
    if found.shape == values.shape:
        most = int(numpy.abs(found.astype(int) - values.astype(int)).max())
        check(f"{what} values", most <= slack, True)


def check_series(path, shots):
    """One file of a camera: every plane, and what is said of it."""
    with tifffile.TiffFile(path) as tiff:
        check(f"{path.name} is OME", tiff.is_ome, True)
        check(f"{path.name} pages", len(tiff.pages), len(shots))
        check(f"{path.name} series", len(tiff.series), 1)
        axes = tiff.series[0].axes
        check(f"{path.name} axes", "T" in axes or len(shots) == 1, True)
        for page, (index, frame, values, slack) in zip(tiff.pages, shots):
            check_values(f"{path.name} of picture {index}", page.asarray(), values, slack)
        whole = tiff.series[0].asarray()
        check(f"{path.name} count", whole.size, sum(shot[2].size for shot in shots))
        ome = ome_types.from_xml(tiff.ome_metadata, validate=True)
    pixels = ome.images[0].pixels
    check(f"{path.name} time", pixels.size_t, len(shots))
    check(f"{path.name} planes", len(pixels.planes), len(shots))
    check(f"{path.name} channel", pixels.channels[0].name, shots[0][1]["camera"])
    check(f"{path.name} pixel", pixels.physical_size_x, shots[0][1]["pixel_size_um"])
    first = shots[0][1]
    for plane, (index, frame, _, _) in zip(pixels.planes, shots):
        taken = [one["device_ns"] for one in (frame, first)]
        if None in taken or taken[0] < taken[1]:
            taken = [one["log_time_ns"] for one in (frame, first)]
        late = abs(plane.delta_t - (taken[0] - taken[1]) / 1e9)
        check(f"{path.name} time of picture {index}", late < 1e-6, True)


class Page(html.parser.HTMLParser):
    """A page: whether its elements close in their order, and all that it would fetch."""

    VOID = {"meta", "br", "hr", "img", "input", "link"}

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.counts, self.wrong = [], [], defaultdict(int), []

    def handle_starttag(self, tag, attributes):
        self.counts[tag] += 1
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                self.fetched.append(value)
            if name.startswith("on"):
                self.wrong.append(f"{tag} has {name}")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes what is not open")


def check_report(path, cameras):
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    check(f"{path.name} elements", page.wrong, [])
    check(f"{path.name} left open", page.open, [])
    check(f"{path.name} scripts", page.counts["script"], 0)
    check(f"{path.name} headings", page.counts["h1"], 1)
    foreign = [value[:60] for value in page.fetched if not value.startswith("data:image/")]
    check(f"{path.name} fetches", foreign, [])
    check(f"{path.name} pictures", page.counts["image"] >= cameras, True)


def main(folder):
    folder = pathlib.Path(folder)
    frames = json.loads((folder / "frames" / "frames.json").read_text())
    by_file = defaultdict(list)
    for index, frame in enumerate(frames):
        values, slack = values_of(folder / "frames", index, frame)
        height, width = values.shape[:2]
        name = f"{frame['source']}.{frame['camera']}.{width}x{height}"
        by_file[name].append((index, frame, values, slack))
    if not frames:
        sys.exit("there are no pictures in the recording")
    found = sorted(path.name for path in (folder / "ome-tiff").iterdir())
    check("series", found, sorted(f"{name}.ome.tiff" for name in by_file))
    for name, shots in by_file.items():
        check_series(folder / "ome-tiff" / f"{name}.ome.tiff", shots)

    for kind, ending in (("png", "png"), ("jpeg", "jpg")):
        check(f"{kind} files", len(list((folder / kind).glob(f"*.{ending}"))), len(frames))
    for shots in by_file.values():
        for place, (index, frame, values, slack) in enumerate(shots):
            start = f"{frame['source']}.{frame['camera']}.{place:06}-"
            [path] = (folder / "png").glob(f"{start}*.png")
            with Image.open(path) as image:
                picture = numpy.asarray(image)
                # Pillow may widen values of 16 bits.
                picture = picture.astype(values.dtype) if picture.dtype.itemsize > 2 else picture
                check_values(path.name, picture, values, slack)
            [path] = (folder / "jpeg").glob(f"{start}*.jpg")
            if frame["encoding"] == "jpeg":
                own = (folder / "frames" / f"{index}.bin").read_bytes()
                check(f"{path.name} bytes", path.read_bytes() == own, True)
            with Image.open(path) as image:
                image.load()
                check(f"{path.name} size", image.size[::-1], values.shape[:2])

    cameras = defaultdict(int)
    for frame in frames:
        cameras[f"{frame['source']}.{frame['camera']}"] += 1
    for name, count in cameras.items():
        path = folder / "preview" / f"{name}.preview.png"
        with Image.open(path) as image:
            pictures = sum(1 for _ in ImageSequence.Iterator(image))
            if count <= 200:
                check(f"{path.name} pictures", pictures, count)
            else:
                check(f"{path.name} pictures", 100 < pictures <= 200, True)
            check(f"{path.name} said", image.n_frames, pictures)
            check(f"{path.name} columns", image.size[0] <= 480, True)
    [report] = (folder / "report").glob("*.html")
    check_report(report, len(cameras))
    if failures:
        sys.exit(f"{failures} differences")
    print(f"{len(frames)} pictures of {len(cameras)} cameras read as they were recorded")


main(sys.argv[1])
