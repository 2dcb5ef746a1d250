"""Compares the numbers that `examples/measure` finds with NumPy's, SciPy's and scikit-image's.

Usage: measures.py EXAMPLE FOLDER CAPTURES

FOLDER is for the frames; CAPTURES holds recorded ImSwitch sessions and may be missing. Grey frames
and colour frames are compared with the pixels they were made of (luma by Pillow), JPEG frames with
the pixels that were decoded, because the decoder is not what is tested here.
"""

import base64
import gzip
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import measure
from skimage.registration import phase_cross_correlation

# How far a number may be from the other implementation's, the first relative and the second
# absolute. Whole numbers and what is made of exact sums differ by the rounding of 64-bit floats
# alone. Drift is compared in pixels of the reduced picture: scikit-image searches in steps of 1/100,
# and we put a parabola through steps of 1/10. Its peak lies between those steps.
TOLERANCES = {
    "roi": (0, 0),
    "full_scale": (0, 0),
    "min": (0, 0),
    "max": (0, 0),
    "mean": (1e-12, 0),
    "std_dev": (1e-9, 1e-9),
    "p1": (1e-12, 0),
    "p50": (1e-12, 0),
    "p99": (1e-12, 0),
    "p99.8": (1e-12, 0),
    "saturated": (1e-12, 0),
    "black": (1e-12, 0),
    "histogram": (0, 0),
    "laplacian_variance": (1e-9, 1e-9),
    "tenengrad": (1e-12, 0),
    "normalised_variance": (1e-9, 1e-9),
    "noise": (1e-12, 0),
    "threshold": (0, 0),
    "spots": (0, 0),
    "drift_reduced_px": (0, 0.03),
    "drift_quality": (0.01, 0),
    # Against how far the scene was really moved, in pixels of the frame.
    "drift_true_px": (0, 0.5),
}

SIDE, LEAST_SIDE = 128, 16


def reduced(image):
    """The picture that drift is told from, and the pixels of a box: rows, columns."""
    height, width = image.shape
    if min(height, width) < LEAST_SIDE:
        return None, None
    size = [min(SIDE, 1 << (side.bit_length() - 1)) for side in (height, width)]
    each = [side // n for side, n in zip((height, width), size)]
    start = [(side - n * e) // 2 for side, n, e in zip((height, width), size, each)]
    inside = image[start[0] : start[0] + size[0] * each[0], start[1] : start[1] + size[1] * each[1]]
    means = inside.reshape(size[0], each[0], size[1], each[1]).mean(axis=(1, 3))
    hann = [0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n) for n in size]
    return (means - means.mean()) * np.outer(*hann), each


def expected(values, full_scale):
    """All numbers of a region, from its values as 64-bit floats."""
    numbers = {
        "full_scale": full_scale,
        "min": values.min(),
        "max": values.max(),
        "mean": values.mean(),
        "std_dev": values.std(),
        "saturated": (values >= full_scale).mean(),
        "black": (values == 0).mean(),
    }
    for name in ("p1", "p50", "p99", "p99.8"):
        numbers[name] = np.percentile(values, float(name[1:]), method="linear")
    inner = (slice(1, -1), slice(1, -1))
    if min(values.shape) >= 3:
        gradient = ndimage.sobel(values, axis=0) ** 2 + ndimage.sobel(values, axis=1) ** 2
        numbers["laplacian_variance"] = ndimage.laplace(values)[inner].var()
        numbers["tenengrad"] = gradient[inner].mean()
        mean = values.mean()
        numbers["normalised_variance"] = values.var() / mean if mean > 0 else 0.0
        kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=float)
        grain = np.abs(ndimage.convolve(values, kernel))[inner].mean()
        numbers["noise"] = np.sqrt(np.pi / 2) / 6 * grain
    median = np.median(values)
    spread = max(1.4826 * np.median(np.abs(values - median)), 1.0)
    threshold = min(int(median + 5 * spread), full_scale)
    labels = measure.label(values > threshold, connectivity=2)
    numbers["threshold"] = threshold
    numbers["spots"] = int((np.bincount(labels.ravel())[1:] >= 4).sum())
    return numbers


def histogram(values, got):
    steps = int(values.max() - values.min()) + 1
    width = -(-steps // 256)
    bins = -(-steps // width)
    edges = values.min() + width * np.arange(bins + 1)
    counts, _ = np.histogram(values, edges)
    want = {"from": int(values.min()), "bin": width, "counts": counts.tolist()}
    return got == want


class Report:
    def __init__(self):
        self.worst = {name: 0.0 for name in TOLERANCES}
        self.compared = {name: 0 for name in TOLERANCES}
        self.failures = []

    def check(self, case, name, got, want):
        self.compared[name] += 1
        relative, absolute = TOLERANCES[name]
        off = abs(float(got) - float(want))
        self.worst[name] = max(self.worst[name], off)
        if not off <= absolute + relative * abs(float(want)):
            self.failures.append(f"{case}: {name} is {got}, not {want}")

    def holds(self, case, name, holds):
        self.compared[name] += 1
        if not holds:
            self.failures.append(f"{case}: {name} is not what it should be")


def scene(shape, shift=(0.0, 0.0), seed=3):
    """Blobs on a slope, seen from somewhere: moved by `shift` rows and columns."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(float)
    image = 300 + 0.05 * x
    for _ in range(140):
        at = random.uniform(-0.2, 1.2, 2) * shape
        size = random.uniform(0.008, 0.02) * max(shape)
        far = ((y - at[0] - shift[0]) ** 2 + (x - at[1] - shift[1]) ** 2) / size**2
        image += random.uniform(400, 2500) * np.exp(-far / 2)
    return image


def cases(folder, captures):
    random = np.random.default_rng(7)
    noisy = lambda image, sigma: image + random.normal(0, sigma, image.shape)
    grey16 = lambda image, top: np.clip(np.round(image), 0, top).astype("<u2")

    big = grey16(noisy(scene((480, 640)), 12), 4095)
    yield "12 bits", "mono16", [big], {}, 4095
    yield "12 bits, a part", "mono16", [big], {"roi": [101, 57, 333, 222]}, 4095
    yield "10 bits, stated", "mono16", [grey16(big / 3, 1023)], {"bits": 10}, 1023
    yield "16 bits", "mono16", [random.integers(0, 65536, (301, 257)).astype("<u2")], {}, 65535
    yield "wide", "mono16", [random.integers(0, 65536, (5, 9001)).astype("<u2")], {}, 65535
    yield "8 bits", "mono8", [(big // 17).astype("u1")], {}, 255
    yield "black", "mono8", [np.zeros((40, 40), "u1")], {}, 255
    yield "white", "mono8", [np.full((40, 40), 255, "u1")], {}, 255
    yield "one pixel", "mono8", [np.full((1, 1), 9, "u1")], {}, 255
    colour = random.integers(0, 256, (120, 160, 3)).astype("u1")
    yield "colour", "rgb8", [colour], {}, 255
    dark = grey16(noisy(np.full((300, 300), 100.0), 3), 4095)
    for at in ((40, 40), (40, 46), (200, 150), (298, 298), (0, 120)):
        dark[at[0] : at[0] + 3, at[1] : at[1] + 3] = 900
    dark[250, 20] = 4000
    yield "spots", "mono16", [dark], {}, 4095
    for shape, shift in (
        ((512, 512), (6.0, -9.0)),
        ((512, 512), (-3.5, 2.25)),
        ((480, 640), (11.0, 4.0)),
        ((128, 200), (1.3, -2.7)),
    ):
        before = grey16(noisy(scene(shape), 5), 4095)
        after = grey16(noisy(scene(shape, shift), 5), 4095)
        yield f"moved by {shift} of {shape}", "mono16", [before, after], {"moved": shift}, 4095

    session = captures / "v26-jpeg-full.jsonl.gz"
    if not session.is_file():
        print(f"skipped: no recorded session {session} (set TTYSCOPE_CAPTURES)", file=sys.stderr)
        return
    files = []
    with gzip.open(session, "rt") as lines:
        for line in lines:
            message = json.loads(line)
            if message["kind"] != "binary":
                continue
            found = re.search(rb"/9j/[A-Za-z0-9+/]+=*", base64.b64decode(message["payload"]))
            if found and len(files) < 6:
                file = folder / f"recorded-{len(files)}.jpg"
                file.write_bytes(base64.b64decode(found.group()))
                files.append(file)
    assert files, f"{session} holds no JPEG"
    for index, file in enumerate(files):
        yield f"recorded JPEG {index}", "jpeg", files[: index + 1], {}, 255


def main(example, folder, captures):
    folder = pathlib.Path(folder)
    made = list(cases(folder, pathlib.Path(captures)))
    jobs = []
    for number, (_, encoding, frames, options, _) in enumerate(made):
        files = []
        for index, frame in enumerate(frames):
            file = folder / f"{number}-{index}.raw"
            if encoding == "jpeg":
                file = frame
            else:
                file.write_bytes(frame.tobytes())
            files.append(str(file))
        job = {"files": files, "encoding": encoding}
        if encoding != "jpeg":
            job |= {"height": frames[0].shape[0], "width": frames[0].shape[1]}
        jobs.append(job | {key: options[key] for key in ("roi", "bits") if key in options})
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    answers = subprocess.run([example], input=lines, text=True, stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in answers.stdout.splitlines()]
    assert len(answers) == len(made)

    report = Report()
    for job, got, (case, encoding, frames, options, full_scale) in zip(jobs, answers, made):
        x, y, width, height = got["roi"]
        regions = []
        for index, file in enumerate(job["files"]):
            if encoding == "jpeg":
                values = np.fromfile(file + ".luma", "<u2").reshape(height, width)
            elif encoding == "rgb8":
                values = np.asarray(Image.fromarray(frames[index]).convert("L"))
            else:
                values = frames[index]
            if encoding != "jpeg":
                values = values[y : y + height, x : x + width]
            regions.append(values.astype(float))
        whole = [0, 0, width, height] if encoding == "jpeg" else [0, 0, *frames[0].shape[1::-1]]
        report.holds(case, "roi", got["roi"] == options.get("roi", whole))
        values = regions[-1]
        for name, want in expected(values, full_scale).items():
            report.check(case, name, got[name], want)
        report.holds(case, "histogram", histogram(values, got["histogram"]))
        compare_drift(report, case, got, regions, options)

    print(f"{len(made)} cases")
    for name, (relative, absolute) in TOLERANCES.items():
        print(
            f"{name:20} compared {report.compared[name]:3}  largest difference "
            f"{report.worst[name]:9.3g}  allowed {relative:g} relative, {absolute:g} absolute"
        )
        if not report.compared[name]:
            report.failures.append(f"{name} was never compared")
    for failure in report.failures:
        print(failure, file=sys.stderr)
    return 1 if report.failures else 0


def compare_drift(report, case, got, regions, options):
    now, each = reduced(regions[-1])
    if now is None or not now.any():
        report.holds(case, "drift_quality", got["drift"] is None)
        return
    x, y, quality = got["drift"]
    first, _ = reduced(regions[0])
    # The way that the new picture has to be moved back is minus its drift.
    back, error, _ = phase_cross_correlation(
        first, now, normalization="phase", upsample_factor=100
    )
    report.check(case, "drift_reduced_px", y / each[0], -back[0])
    report.check(case, "drift_reduced_px", x / each[1], -back[1])
    spectra = [np.fft.fft2(picture) for picture in (first, now)]
    product = spectra[1] * spectra[0].conj()
    product /= np.maximum(np.abs(product), 100 * np.finfo(float).eps)
    v, u = (np.fft.fftfreq(n) for n in product.shape)
    turn = np.exp(2j * np.pi * (np.outer(-back[0] * v, np.ones_like(u)) + -back[1] * u))
    report.check(case, "drift_quality", quality, np.abs((product * turn).mean()))
    if "moved" in options:
        down, right = options["moved"]
        report.check(case, "drift_true_px", y, down)
        report.check(case, "drift_true_px", x, right)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
