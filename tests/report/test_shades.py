"""Shades of accuracies, and letters on them."""

from hypothesis import given
from hypothesis import strategies as st

from fwp.report.html import colours
from fwp.report.shades import ALL, RAMP, contrast, letters, shade


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@given(st.integers(0, 2**24 - 1))
def test_letters_can_be_read_on_any_colour(number):
    colour = f"#{number:06x}"
    assert contrast(letters(colour), colour) >= 4.5


def test_every_cell_of_a_page_can_be_read():
    for share in range(1001):
        background, colour = (part.split(":")[1] for part in colours(share / 1000).split(";"))
        assert contrast(background, colour) >= 4.5


def test_shades_go_from_light_to_dark_and_stand_out_at_the_end():
    assert (shade(0), shade(1), shade(0.5)) == (RAMP[0], ALL, RAMP[3])
    against_white = [contrast(shade(share / 100), "#ffffff") for share in range(101)]
    assert against_white == sorted(against_white)
    assert against_white[100] > 2 * against_white[99]
