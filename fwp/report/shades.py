"""The shade of an accuracy in tables and heat maps, and letters that can be read on it.

Light is little, dark is much: the order survives printing in grey. What is exactly 1 is darker than
the scale: "solved" can be told from "nearly".
"""

# ColorBrewer's YlGnBu without its darkest parts.
RAMP = ("#ffffd9", "#edf8b1", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8")
ALL = "#081d58"
BLACK, WHITE = "#000000", "#ffffff"


def shade(share: float) -> str:
    """The colour, as #rrggbb, of a share in [0, 1]."""
    if share >= 1:
        return ALL
    place = max(share, 0.0) * (len(RAMP) - 1)
    below = min(int(place), len(RAMP) - 2)
    pair = zip(_channels(RAMP[below]), _channels(RAMP[below + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - below)):02x}" for a, b in pair)


def letters(background: str) -> str:
    """Black or white, whichever contrasts more with a colour: at least 4.5 to 1 on any."""
    return max((BLACK, WHITE), key=lambda colour: contrast(colour, background))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21, as WCAG 2 has it; texts need 4.5."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in _channels(colour)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
