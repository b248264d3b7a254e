"""Pictures that are a part of a page: SVG as the address of an image."""

import re
from urllib.parse import quote

LONG = 8  # points of a path, from which on a tenth of a point is fine enough, else a hundredth
_PATH = re.compile(r'\bd="([^"]*)"')
_PLACE = re.compile(r'\b([xy]="-?\d+\.\d\d)\d+"')
_SPACE = re.compile(r"[ \t\r\n]+")
_OTHER = re.compile(r"[^ -~]+")
# What would end the address or the attribute of HTML that has it. Most of an SVG are coordinates,
# so that this is shorter than base64 by a quarter.
_ENDING = {ord(character): f"%{ord(character):02X}" for character in "%#<>&\"'`{}"}


def address(svg: bytes) -> str:
    """The address of an image that has all of it, its paths written as shortly as can be."""
    text = svg.decode("utf-8")
    text = _PATH.sub(lambda path: f'd="{shortened(path[1])}"', text)
    text = _PLACE.sub(r'\1"', text)
    # Browsers drop line breaks in an address, also those between two numbers.
    text = _SPACE.sub(" ", text).translate(_ENDING)
    return "data:image/svg+xml," + _OTHER.sub(lambda found: quote(found[0]), text)


def shortened(path: str) -> str:
    """A path of straight lines with rounded steps in place of places; any other as it is.

    Rounding does not add up along the path. Steps on a level line are joined.
    """
    parts = path.split()
    if len(parts) % 3 or set(parts[::3]) - {"M", "L"}:
        return path
    scale = 10 if len(parts) >= 3 * LONG else 100
    written: list[str] = []
    x = y = level = 0
    for command, to_x, to_y in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        right, down = round(float(to_x) * scale) - x, round(float(to_y) * scale) - y
        x, y = x + right, y + down
        if command == "L" and not down and right * level >= 0:
            level += right
            continue
        if level:
            written.append(f"h{level / scale:g}")
        level = 0
        if command == "M":
            written.append(f"M{x / scale:g} {y / scale:g}")
        elif down:
            written.append(f"l{right / scale:g} {down / scale:g}")
        else:
            level = right
    return "".join([*written, f"h{level / scale:g}" if level else ""])


def width(svg: bytes) -> float:
    """The width of a picture in CSS's pixels, of which 96 are 72 points."""
    found = re.search(rb'width="([\d.]+)pt"', svg)
    return float(found[1]) * 96 / 72 if found else 900.0
