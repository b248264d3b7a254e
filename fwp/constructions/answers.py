"""Whether a model can label a language right at any length, with the evidence."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fwp import mixers
from fwp.constructions.construction import Construction, NoConstructionError
from fwp.constructions.theorems import theorems
from fwp.languages.base import Language
from fwp.mixers._signature import SignatureError, read_signature

VERDICTS = ("constructed", "possible", "impossible", "open")


@dataclass(frozen=True)
class Answer:
    """Whether a model with a mixer, of some size, labels all strings of a language right.

    Attributes:
        verdict: constructed (such a model is at hand: hand-set weights, right on strings of 10 000
            symbols in float32), possible or impossible (by a theorem), or open.
        why: what the weights do, or what the theorem says; why there is no construction, if open.
        source: of the theorem; "" if there is none.
        precision: numbers that the answer is about: float32, or those of the theorem.
        unless: what the theorem assumes, and is not proven.
    """

    verdict: str
    why: str
    source: str = ""
    precision: str = ""
    unless: str = ""


def mixers_with_constructions() -> list[str]:
    """Names of the mixers that have a file here, sorted."""
    here = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return [name for name in mixers.names() if name in here]


def complete(mixer: str, options: Mapping[str, object]) -> dict[str, object]:
    """All options of a mixer: those given, and the defaults of others.

    Raises:
        ValueError: there is no such mixer, or no such option.
    """
    known = read_signature(mixer).options
    for name in options:
        if name not in known:
            raise ValueError(f"mixer {mixer!r} has no option {name!r}; allowed: {', '.join(known)}")
    return {name: option.default for name, option in known.items()} | dict(options)


def construct(
    mixer: str, language: Language, options: Mapping[str, object] | None = None
) -> Construction:
    """Sizes and weights of a model that labels a language right. Needs no PyTorch.

    Args:
        mixer: its name.
        options: of the mixer. Sizes, such as heads, are as the construction needs them.

    Raises:
        NoConstructionError: none is known; the message says why.
        ValueError: there is no such mixer, or no such option.
    """
    own = complete(mixer, options or {})
    if mixer not in (known := mixers_with_constructions()):
        raise NoConstructionError(
            f"{mixer} has no construction; there are some of {', '.join(known)}"
        )
    return importlib.import_module(f"fwp.constructions.{mixer}").build(language, own)


def answer(mixer: str, language: Language, options: Mapping[str, object] | None = None) -> Answer:
    """Whether a model can label a language right at any length. Needs no PyTorch.

    Args:
        mixer: its name; one of the user's own has the answer open.
        options: of the mixer; those that are left out have their defaults. Sizes play no part:
            heads, layers and widths are as large as it takes.
    """
    try:
        own = complete(mixer, options or {})
    except SignatureError:
        return Answer("open", "It is no mixer of the package.")
    try:
        made = construct(mixer, language, own)
    except NoConstructionError as error:
        reason = str(error)
    else:
        return Answer("constructed", made.how, precision="float32")
    found = [t for t in theorems() if t.applies(mixer, own, language)]
    # What is impossible in any case comes before what rests on an assumption.
    for theorem in sorted(found, key=lambda t: (t.answer == "possible", bool(t.unless))):
        return Answer(
            theorem.answer, theorem.text, theorem.source, theorem.precision, theorem.unless
        )
    return Answer("open", f"No theorem is at hand. No construction: it {reason}.")
