"""Colours that a config may give to models: hexadecimal ones, and the names of CSS.

Planning checks them without matplotlib, which takes as long to import as the whole check.
"""

import re
from collections.abc import Iterator

from fwp.config.messages import show
from fwp.utils.suggest import suggestion

_OF_CSS = """
aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet
brown burlywood cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue
darkcyan darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange
darkorchid darkred darksalmon darkseagreen darkslateblue darkslategray darkslategrey darkturquoise
darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen
fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink indianred
indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan
lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen
lightskyblue lightslategray lightslategrey lightsteelblue lightyellow lime limegreen linen magenta
maroon mediumaquamarine mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue
mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream mistyrose moccasin
navajowhite navy oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen
paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple
red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato turquoise violet
wheat white whitesmoke yellow yellowgreen
"""
NAMES = frozenset(_OF_CSS.split())


def unknown_colours(models: dict[str, dict]) -> Iterator[str]:
    """A line for every model whose colour is none."""
    for model, entry in models.items():
        colour = entry.get("colour")
        if colour is None or colour in NAMES or re.fullmatch("#[0-9a-fA-F]{6}", colour):
            continue
        close = "" if colour.startswith("#") else suggestion(colour, NAMES)
        yield (
            f"models.{model}.colour: must be a colour such as '#0072b2' or teal (the names of CSS)"
            f"{close}, got {show(colour)}"
        )
