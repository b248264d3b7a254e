"""Pictures as a part of a page."""

from urllib.parse import unquote

from fwp.report.picture import address, width

SVG = """<svg width="90.5pt" id="a.12345">
<path d="M 1.23456 7
L 0.5 -2.999"/><text x="3.14159">aⁿ 100 % "0.12345" {} &amp; it's #1</text></svg>"""


def test_a_picture_is_whole_in_its_address():
    made = address(SVG.encode())
    head, body = made.split(",", 1)
    assert head == "data:image/svg+xml" and body.isascii()
    assert not set(body) & set("\"'<>&#\n`")
    shown = unquote(body)
    assert 'd="M 1.23 7 L 0.5 -2.99"' in shown and 'x="3.14"' in shown
    assert 'id="a.12345"' in shown and 'aⁿ 100 % "0.12345" {} &amp; it\'s #1</text>' in shown


def test_the_width_is_in_pixels():
    assert width(SVG.encode()) == 90.5 * 96 / 72
    assert width(b"<svg/>") == 900
