"""The pictures that the test patterns of Linux' `vivid` camera define, from the standards' numbers.

Source of the patterns: Linux, Documentation/admin-guide/media/vivid.rst and the menu "Test Pattern".
Source of the numbers: ITU-R BT.601 for YCbCr, BT.709 for pictures that are luma alone, which have
the full range. The driver counts a channel in 256ths, so its 255 is a little less than all, and it
leaves out what comes behind the point: its white is 234 and not 235.
"""

from fractions import Fraction
from math import floor

WHITE, YELLOW, CYAN, GREEN = (255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0)
MAGENTA, RED, BLUE, BLACK = (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)
BARS = [WHITE, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE, BLACK]
# The same at three quarters.
DARK_BARS = [tuple(channel * 3 // 4 for channel in colour) for colour in BARS]


def grey(level):
    return (level, level, level)


# What a pixel is by column, row, columns and rows; under the number in the menu.
PATTERNS = {
    0: lambda x, y, w, h: DARK_BARS[x * 8 // w],
    1: lambda x, y, w, h: BARS[x * 8 // w],
    3: lambda x, y, w, h: BARS[y * 8 // h],
    6: lambda x, y, w, h: WHITE,
    10: lambda x, y, w, h: BLACK if (x // 16 + y // 16) % 2 else WHITE,
    17: lambda x, y, w, h: BLACK if x == w // 2 or y == h // 2 else WHITE,
    20: lambda x, y, w, h: grey(x * 256 // w),
}


def luma(colour, red, blue):
    """Luma by the weights of red and blue."""
    r, g, b = (Fraction(channel, 256) for channel in colour)
    return red * r + (1 - red - blue) * g + blue * b


def ycbcr(colour, brighter=0):
    """The three bytes of limited range by BT.601; `brighter` is added to luma."""
    red, blue = Fraction("0.299"), Fraction("0.114")
    y = luma(colour, red, blue)
    r, _, b = (Fraction(channel, 256) for channel in colour)
    cb = (b - y) / (2 * (1 - blue))
    cr = (r - y) / (2 * (1 - red))
    return floor(16 + 219 * y) + brighter, floor(128 + 224 * cb), floor(128 + 224 * cr)


def level(colour):
    """The byte of full range by BT.709."""
    return floor(255 * luma(colour, Fraction("0.2126"), Fraction("0.0722")))


def _shared(pixels):
    """The chroma that neighbours share, which none of the patterns here makes a matter of taste."""
    chroma = {ycbcr(colour)[1:] for colour in pixels}
    if len(chroma) != 1:
        raise ValueError("neighbours of different colours share their chroma")
    return bytes(chroma.pop())


def _yuyv(row, brighter=0):
    pairs = zip(row[::2], row[1::2], strict=True)
    for left, right in pairs:
        u, v = _shared((left, right))
        yield from (ycbcr(left, brighter)[0], u, ycbcr(right, brighter)[0], v)


def _y12(row):
    # The byte of grey is the upper eight bits of twelve.
    for colour in row:
        yield from (level(colour) << 4).to_bytes(2, "little")


def _y16(row):
    # The lower byte is 0, so that swapped bytes show; the driver fills it in full white alone.
    for colour in row:
        top = level(colour)
        yield from (top if top == 255 else 0, top)


ROWS = {
    "YUYV": _yuyv,
    "GREY": lambda row: map(level, row),
    "Y12": _y12,
    "Y16": _y16,
    "RGB3": lambda row: (channel for colour in row for channel in colour),
    "NV12": lambda row: (ycbcr(colour)[0] for colour in row),
}


def picture(number, form, width, height, brighter=0):
    """All bytes of a picture; `brighter` is for YUYV alone."""
    pixel = PATTERNS[number]
    rows = [tuple(pixel(x, y, width, height) for x in range(width)) for y in range(height)]
    more = {"brighter": brighter} if brighter else {}
    made = {row: bytes(ROWS[form](row, **more)) for row in set(rows)}
    body = b"".join(made[row] for row in rows)
    if form == "NV12":
        pairs = list(zip(rows[::2], rows[1::2], strict=True))
        made = {
            pair: b"".join(
                _shared(pair[0][x : x + 2] + pair[1][x : x + 2]) for x in range(0, width, 2)
            )
            for pair in set(pairs)
        }
        body += b"".join(made[pair] for pair in pairs)
    return body
