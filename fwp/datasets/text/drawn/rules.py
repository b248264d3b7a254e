"""Rules that the config of every source keeps. A line about a mistake begins with its place."""

from collections.abc import Iterable, Iterator, Mapping

from fwp.utils.suggest import suggestion

PLACE = "text.generator"
MOST_SYMBOLS = 256  # of an alphabet
CLOSE = 1e-6  # how far from 1 a sum of probabilities may be


def shown(value: object) -> str:
    """A value that was given, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def keys(generator: Mapping, required: Iterable[str], optional: Iterable[str]) -> Iterator[str]:
    """Keys that are missing, and keys that a source of this kind does not have."""
    required = ("kind", "symbols", *required)
    known = (*required, *optional)
    for key in required:
        if generator.get(key) is None:
            yield f"{PLACE}.{key}: is missing; a source of kind {generator['kind']} needs it"
    for key in generator:
        if key not in known:
            near = suggestion(key, known)
            yield f"{PLACE}.{key}: is unknown{near}; allowed: {', '.join(known)}"


def is_number(value: object) -> bool:
    """Whether it is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def integer(generator: Mapping, key: str, least: int, most: int) -> Iterator[str]:
    """A value that is not an integer of the range; none is none."""
    value = generator.get(key)
    if value is not None and (type(value) is not int or not least <= value <= most):
        yield f"{PLACE}.{key}: must be an integer from {least} to {most}, got {shown(value)}"


def probability(generator: Mapping, key: str) -> Iterator[str]:
    """A value that is not strictly between 0 and 1; none is none."""
    value = generator.get(key)
    if value is not None and not (is_number(value) and 0 < value < 1):
        yield f"{PLACE}.{key}: must be a number above 0 and below 1, got {shown(value)}"


def total(place: str, probabilities: list[float]) -> Iterator[str]:
    """Probabilities that do not sum to 1."""
    if abs((found := sum(probabilities)) - 1) > CLOSE:
        terms = " + ".join(f"{p:g}" for p in probabilities[:6])
        more = " + …" if len(probabilities) > 6 else ""
        yield f"{place}: probabilities must sum to 1, got {found:.6g} ({terms}{more})"


def symbol(value: object) -> str | None:
    """A symbol as text: text that can be shown, or a digit; None for what is no symbol."""
    text = str(value) if type(value) is int else value
    if isinstance(text, str) and 0 < len(text) <= 32 and text.isprintable() and text.strip():
        return text
    return None
