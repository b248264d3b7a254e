"""Pictures as a part of a page."""

import re
from urllib.parse import unquote

import numpy as np
import pytest

from fwp.report.picture import address, shortened, width

SVG = """<svg width="90.5pt" id="a.12345">
<path d="M 1.23456 7
L 0.5 -2.999"/><text x="3.14159">aⁿ 100 % "0.12345" {} &amp; it's #1</text></svg>"""


def test_a_picture_is_whole_in_its_address():
    made = address(SVG.encode())
    head, body = made.split(",", 1)
    assert head == "data:image/svg+xml" and body.isascii()
    assert not set(body) & set("\"'<>&#\n`")
    shown = unquote(body)
    assert 'd="M1.23 7l-0.73 -10"' in shown and 'x="3.14"' in shown
    assert 'id="a.12345"' in shown and 'aⁿ 100 % "0.12345" {} &amp; it\'s #1</text>' in shown


def test_the_width_is_in_pixels():
    assert width(SVG.encode()) == 90.5 * 96 / 72
    assert width(b"<svg/>") == 900


def places(path):
    """The points of a path that `shortened` wrote."""
    at, found = np.zeros(2), []
    for command, numbers in re.findall(r"([Mlh])([^Mlh]*)", path):
        steps = [float(number) for number in numbers.split()]
        at = np.array(steps) if command == "M" else at + (steps if command == "l" else [*steps, 0])
        found.append(at)
    return np.array(found)


def test_a_short_path_is_the_same_line():
    y = np.r_[np.full(50, 99.0), np.random.default_rng(0).uniform(0, 99, 200), np.zeros(50)]
    x = np.linspace(7.123456, 180, len(y))
    path = "M " + " L ".join(f"{a:.6f} {b:.6f}" for a, b in np.c_[x, y])
    short = shortened(path)
    drawn = places(short)
    assert np.abs(np.interp(x, *drawn.T) - y).max() < 8  # steep: a shift of x by 0.05 is much of y
    assert np.abs(drawn[:, 1] - np.interp(drawn[:, 0], x, y)).max() < 8
    assert drawn[0] == pytest.approx([x[0], y[0]], abs=0.051)
    assert drawn[-1] == pytest.approx([x[-1], y[-1]], abs=0.051)
    assert len(drawn) <= 204 and len(short) < 0.55 * len(path)


def test_steps_back_on_a_level_line_are_kept():
    assert shortened("M 0 5 L 4 5 L 6 5 L 2 5 L 2 9 ") == "M0 5h6h-4l0 4"


def test_curves_stay_as_they_are():
    path = "M 0 0 C 1.234567 2 3 4 5 6 z"
    assert shortened(path) == path
