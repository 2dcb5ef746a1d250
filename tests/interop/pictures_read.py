"""Reads the pictures in a folder with tifffile, Pillow and ome-types.

Each NAME.ome.tiff and NAME.png has to have the values in NAME.raw, whose layout and size stand in
NAME.txt; the descriptions have to say what `examples/pictures.rs` knew of the frames.
"""

import pathlib
import sys

import numpy
import ome_types
import tifffile
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
failures = 0


def check(what, found, want):
    global failures
    if found != want:
        failures += 1
        print(f"{what}: {found!r} instead of {want!r}", file=sys.stderr)


def values_of(folder, name):
    layout, width, height, bits = (folder / f"{name}.txt").read_text().split()
    width, height = int(width), int(height)
    kind = "<u2" if layout == "Grey16" else "u1"
    shape = (height, width, 3) if layout == "Rgb8" else (height, width)
    values = numpy.fromfile(folder / f"{name}.raw", dtype=kind).reshape(shape)
    return layout, values, int(bits)


def check_tiff(path, layout, values, bits):
    name = path.name
    with tifffile.TiffFile(path) as tiff:
        check(f"{name} is OME", tiff.is_ome, True)
        page = tiff.pages[0]
        check(f"{name} pages", len(tiff.pages), 1)
        found = page.asarray()
        check(f"{name} type", str(found.dtype), str(values.dtype.newbyteorder("=")))
        check(f"{name} values", numpy.array_equal(found, values), True)
        check(f"{name} software", page.tags["Software"].value.split()[0], "ttyscope")
        check(f"{name} time", page.tags["DateTime"].value, "2026:11:20 14:03:22")
        series = tiff.series[0].asarray()
        check(f"{name} series", numpy.array_equal(series, values), True)
        xml = tiff.ome_metadata
    for validate in validators():
        ome = ome_types.from_xml(xml, validate=validate)
    image = ome.images[0]
    pixels = image.pixels
    check(f"{name} size", (pixels.size_y, pixels.size_x), values.shape[:2])
    check(f"{name} channels", pixels.size_c, 3 if layout == "Rgb8" else 1)
    check(f"{name} kind", pixels.type.value, "uint16" if layout == "Grey16" else "uint8")
    check(f"{name} bits", pixels.significant_bits or 0, bits)
    check(f"{name} pixel", (pixels.physical_size_x, pixels.physical_size_x_unit.value), (0.325, "µm"))
    check(f"{name} pixel", (pixels.physical_size_y, pixels.physical_size_y_unit.value), (0.325, "µm"))
    check(f"{name} taken", image.acquisition_date.isoformat()[:23], "2026-11-20T14:03:22.123")
    plane = pixels.planes[0]
    check(f"{name} delta", (plane.delta_t, plane.delta_t_unit.value), (1.5, "s"))
    check(f"{name} exposure", (plane.exposure_time, plane.exposure_time_unit.value), (20.0, "ms"))
    places = (plane.position_x, plane.position_y, plane.position_z)
    check(f"{name} places", places, (1.5, -2.25, 40.5))
    units = (plane.position_x_unit.value, plane.position_z_unit.value)
    check(f"{name} units", units, ("mm", "µm"))
    check(f"{name} gain", pixels.channels[0].detector_settings.gain, 3.0)
    check(f"{name} camera", ome.instruments[0].detectors[0].model, 'Cam µ <1> & "two"')
    pairs = ome.structured_annotations[0].value
    known = {pair.k: pair.value for pair in pairs.ms}
    check(f"{name} frame", known["frame"], "81223")
    check(f"{name} light", known["light 488"], "5 %, on (read)")
    check(f"{name} axis", known["axis Rot 显"], "90 deg")
    check(f"{name} origin", known["origin"], "simulated")


def validators():
    """Reading alone, and against the schema where the package for that is there."""
    try:
        import xmlschema  # noqa: F401
    except ImportError:
        print("the schema was not checked: xmlschema is not installed", file=sys.stderr)
        return [False]
    return [False, True]


def check_png(path, layout, values):
    name = path.name
    with Image.open(path) as image:
        image.load()
        mode = {"Grey8": ("L",), "Grey16": ("I;16", "I"), "Rgb8": ("RGB",)}[layout]
        check(f"{name} mode", image.mode in mode, True)
        found = numpy.asarray(image)
        check(f"{name} values", numpy.array_equal(found, values), True)
        check(f"{name} camera", image.text["camera"], 'Cam µ <1> & "two"')
        check(f"{name} software", image.text["Software"].split()[0], "ttyscope")
        dots = round(image.info["dpi"][0] / 0.0254)
        check(f"{name} pixels in a metre", dots, 3_076_923)


def main(folder):
    folder = pathlib.Path(folder)
    names = sorted(path.stem for path in folder.glob("*.raw"))
    if not names:
        sys.exit("there are no pictures")
    for name in names:
        layout, values, bits = values_of(folder, name)
        check_tiff(folder / f"{name}.ome.tiff", layout, values, bits)
        check_png(folder / f"{name}.png", layout, values)
    if failures:
        sys.exit(f"{failures} differences")
    print(f"{len(names)} pictures read as they were written")


main(sys.argv[1])
