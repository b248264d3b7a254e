"""Pairs in three parts, none of which holds a source sentence of another."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from fwp.datasets.text.pair import Pair, PairsError

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Pairs:
    """Pairs by part, and how many were left out, by reason."""

    parts: dict[str, list[Pair]]
    left_out: dict[str, int] = field(default_factory=dict)


def split_pairs(pairs: Iterable[Pair], *, validation: float, test: float, seed: int) -> Pairs:
    """Split pairs at random.

    Pairs of a group stay together, and those of equal source sentences too. Where a sentence stands
    in several groups, its pairs are left out of validation and test if training has it, and of test
    if validation has it.

    Args:
        pairs: in any order.
        validation: how many pairs are for validation, as groups allow: a share if below 1, else a
            number.
        test: likewise.
        seed: decides which.

    Raises:
        PairsError: no pair is left for training.
    """
    kept, left_out = cleaned(pairs)
    groups: dict[str, list[Pair]] = {}
    for pair in kept:
        groups.setdefault(pair.group or pair.source, []).append(pair)
    names = list(groups)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    drawn: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    room = {"test": count(test, len(kept)), "validation": count(validation, len(kept))}
    for name in order:
        size = len(groups[name])
        # The first of a part may be larger than it should be: better than no pair at all.
        fits = (part for part, left in room.items() if size <= left or (left and not drawn[part]))
        part = next(fits, "train")
        drawn[part].add(name)
        if part in room:
            room[part] = max(0, room[part] - size)
    parts = {
        part: [pair for name in names if name in drawn[part] for pair in groups[name]]
        for part in PARTS
    }
    if kept and not parts["train"]:
        raise PairsError(
            f"no pair is left for training: of {len(kept)} pairs, validation takes "
            f"{len(parts['validation'])} and test {len(parts['test'])}"
        )
    seen: set[str] = set()
    left_out["source in another part"] = 0
    for part in PARTS:
        own = [pair for pair in parts[part] if pair.source not in seen]
        left_out["source in another part"] += len(parts[part]) - len(own)
        parts[part] = own
        seen.update(pair.source for pair in own)
    return Pairs(parts, left_out)


def given_pairs(parts: dict[str, Iterable[Pair]]) -> Pairs:
    """Pairs that came in parts, which stay as they are except for empty and repeated ones."""
    own, left_out = {}, {}
    for part in PARTS:
        own[part], counts = cleaned(parts[part])
        left_out = {reason: left_out.get(reason, 0) + n for reason, n in counts.items()}
    return Pairs(own, left_out)


def cleaned(pairs: Iterable[Pair]) -> tuple[list[Pair], dict[str, int]]:
    """Pairs with single spaces, without empty sides, and once each; and how many were left out."""
    kept, empty, total = {}, 0, 0
    for pair in pairs:
        total += 1
        source, target = " ".join(pair.source.split()), " ".join(pair.target.split())
        if source and target:
            kept.setdefault((source, target), Pair(source, target, pair.group))
        else:
            empty += 1
    return list(kept.values()), {"empty": empty, "repeated": total - empty - len(kept)}


def count(asked: float, total: int) -> int:
    """How many of `total` pairs a share or a number asks for."""
    return math.ceil(asked * total) if asked < 1 else int(asked)
