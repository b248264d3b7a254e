"""Pairs of sentences for translation: where they come from, and how they are split.

The settings are those of a task's `translation:`, with every key (`fwp/config/schema.yaml`).
"""

from collections.abc import Iterable
from typing import TypeGuard

from fwp.datasets.text import bibles, catalogues, libreoffice_help, parallel
from fwp.datasets.text.pair import Pair, PairsError
from fwp.datasets.text.pair_split import PARTS, Pairs, given_pairs, split_pairs

PACKAGES = ("bible_kjv_web", "libreoffice_help")
VOCABULARY = 8000
"""Tokens of byte-pair encoding, if the settings do not say."""


def read_pairs(params: dict) -> Pairs:
    """All pairs of the settings, in parts for training, validation and test.

    Raises:
        PairsError: with one line; something is missing, empty, or not what it should be.
    """
    files, left_out = params["files"], {}
    if in_parts(files):
        pairs = given_pairs({part: parallel.read(files[part]) for part in PARTS})
    else:
        found, left_out = _read(params)
        parts = {name: params[name] for name in ("validation", "test", "seed")}
        pairs = split_pairs(found, **parts)
    for part in PARTS:
        if not pairs.parts[part]:
            held = ", ".join(f"{name} {len(own)}" for name, own in pairs.parts.items())
            raise PairsError(f"every part must hold a pair, got {held}")
    return Pairs(pairs.parts, {**left_out, **pairs.left_out})


def in_parts(files: object) -> TypeGuard[dict]:
    """Whether files come in parts for training, validation and test."""
    return isinstance(files, dict) and set(PARTS) <= set(files)


def _read(params: dict) -> tuple[Iterable[Pair], dict[str, int]]:
    if params["catalogues"] is not None:
        return catalogues.read(params["catalogues"])
    if params["package"] == "bible_kjv_web":
        return bibles.read()
    if params["package"] == "libreoffice_help":
        return libreoffice_help.read(params["folder"])
    return parallel.read(params["files"]), {}


def pair_files(params: dict) -> list[str]:
    """The files on disk that `read_pairs` reads; those of packages are not among them."""
    if params["files"] is not None:
        return parallel.paths(params["files"])
    if params["catalogues"] is not None:
        return [str(path) for path in catalogues.paths(params["catalogues"])]
    return []
