"""Pictures that are a part of a page: SVG as the address of an image."""

import re
from urllib.parse import quote

DIGITS = 2  # after the point, of coordinates: a hundredth of a point cannot be seen
_PLACES = re.compile(r'\b(d|x|y|points)="[^"]*"')
_LONG = re.compile(rf"(\.\d{{{DIGITS}}})\d+")
_SPACE = re.compile(r"[ \t\r\n]+")
_OTHER = re.compile(r"[^ -~]+")
# What would end the address or the attribute of HTML that has it. Most of an SVG are coordinates,
# so that this is shorter than base64 by a quarter.
_ENDING = {ord(character): f"%{ord(character):02X}" for character in "%#<>&\"'`{}"}


def address(svg: bytes) -> str:
    """The address of an image that has all of it, with coordinates of `DIGITS` digits."""
    text = svg.decode("utf-8")
    text = _PLACES.sub(lambda place: _LONG.sub(r"\1", place[0]), text)
    # Browsers drop line breaks in an address, also those between two numbers.
    text = _SPACE.sub(" ", text).translate(_ENDING)
    return "data:image/svg+xml," + _OTHER.sub(lambda found: quote(found[0]), text)


def width(svg: bytes) -> float:
    """The width of a picture in CSS's pixels, of which 96 are 72 points."""
    found = re.search(rb'width="([\d.]+)pt"', svg)
    return float(found[1]) * 96 / 72 if found else 900.0
