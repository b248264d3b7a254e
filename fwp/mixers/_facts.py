"""What a mixer says of itself: plain class attributes, read from its source.

All may be missing. None decides a result: an edit trains nothing (`fwp.experiment.fingerprint`).
"""

import ast
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Facts:
    """The class attributes of a mixer that tables and figures show.

    Attributes:
        title: the mixer's name as papers write it; "" if it has none.
        latex: the title for LaTeX's text mode, where it differs.
        state_names: what the parts of the state are called, in their order.
        state_grows: whether the state grows with the string.
        look: colour, dashes (a key of `fwp.report.figures.style.DASHES`) and marker of matplotlib;
            empty if figures may choose. Those of the built-in mixers are safe for colour-blind
            readers, and each is lighter than the one before: the order survives printing in grey.
    """

    title: str = ""
    latex: str = ""
    state_names: tuple[str, ...] = ()
    state_grows: bool = False
    look: tuple[str, ...] = ()


def read_facts(classes: Iterable[ast.ClassDef]) -> Facts:
    """The facts that a class states; `classes` are the class and its bases, the nearest first."""
    known = {field.name for field in fields(Facts)}
    found = {}
    for node in classes:
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in known:
                    with contextlib.suppress(ValueError):  # computed: nothing that could be shown
                        found.setdefault(name, ast.literal_eval(value))
    right = {f.name: found[f.name] for f in fields(Facts) if _fits(found.get(f.name), f.default)}
    return Facts(**right)


def _fits(value: object, default: object) -> bool:
    """Whether a value is of the default's type: a user's class may mean something else by it."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    return type(value) is type(default)
