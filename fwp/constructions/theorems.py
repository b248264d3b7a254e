"""Theorems: statements on which languages models of a kind can label, whatever their size.

They stand in `theorems.yaml`, each with its source; `schema.yaml` describes every key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fwp import languages, mixers
from fwp.config import schema
from fwp.config.messages import ConfigError, show
from fwp.config.parsing import load
from fwp.constructions.properties import PROPERTIES, properties
from fwp.languages.base import Language
from fwp.mixers._signature import read_signature
from fwp.utils.suggest import suggestion

FILE = Path(__file__).with_name("theorems.yaml")
SCHEMA = Path(__file__).with_name("schema.yaml")


@dataclass(frozen=True)
class Theorem:
    """A statement on mixers with some options, and languages with some property.

    Attributes:
        name: its identifier.
        text: the theorem in words.
        source: authors, year and arXiv number.
        mixers: {mixer: {option: values that it may have}}.
        property: of the languages, one of `PROPERTIES`; "" if they are named.
        languages: by name; none if they have a property.
        answer: "possible" or "impossible".
        precision: "finite", "log" or "any": the numbers that it is about.
        unless: what is assumed, and not proven; may be empty.
    """

    name: str
    text: str
    source: str
    mixers: Mapping[str, Mapping[str, list]]
    property: str
    languages: tuple[str, ...]
    answer: str
    precision: str
    unless: str = ""

    def applies(self, mixer: str, options: Mapping[str, object], language: Language) -> bool:
        """Whether it is about a mixer with these options (all of them) and a language."""
        if mixer not in self.mixers:
            return False
        if any(options[name] not in values for name, values in self.mixers[mixer].items()):
            return False
        if self.languages:
            return language.name in self.languages
        return self.property in properties(language)


def read_theorems(path: Path = FILE) -> list[Theorem]:
    """The theorems in a file.

    Raises:
        ConfigError: with every mistake in it.
    """
    content, problems = schema.check(load(path), SCHEMA)
    problems += _unknown(content)
    if problems:
        raise ConfigError(problems, path.name)
    return [
        Theorem(
            name=name,
            text=" ".join(entry["text"].split()),
            source=entry["source"],
            mixers=entry["mixers"],
            property=entry.get("property", ""),
            languages=tuple(entry.get("languages", ())),
            answer=entry["answer"],
            precision=entry["precision"],
            unless=entry.get("unless", ""),
        )
        for name, entry in content["theorems"].items()
    ]


@cache
def theorems() -> tuple[Theorem, ...]:
    """The theorems of the package."""
    return tuple(read_theorems())


def _unknown(content: dict) -> Iterator[str]:
    """Names that stand for nothing."""
    for name, entry in content.get("theorems", {}).items():
        place = f"theorems.{name}"
        if not isinstance(entry, dict):
            continue
        known = {
            "property": ([entry["property"]] if "property" in entry else [], list(PROPERTIES)),
            "languages": (entry.get("languages", []), languages.names()),
            "mixers": (entry.get("mixers", {}), mixers.names()),
        }
        for key, (given, allowed) in known.items():
            for own in given:
                if own not in allowed:
                    rule = f"must be one of {', '.join(allowed)}{suggestion(own, allowed)}"
                    yield f"{place}.{key}: {rule}, got {show(own)}"
        for mixer, conditions in entry.get("mixers", {}).items():
            if mixer not in mixers.names():
                continue
            options = read_signature(mixer).options
            for option, values in conditions.items():
                at = f"{place}.mixers.{mixer}.{option}"
                if option not in options:
                    yield f"{at}: {mixer} has no such option{suggestion(option, options)}"
                    continue
                for value in values:
                    if fault := options[option].fault(value):
                        yield f"{at}: {fault}, got {show(value)}"
