"""Examples of strings that the models of a cell get wrong, as their evaluation recorded them."""

from collections.abc import Iterable
from pathlib import Path

from fwp.results.mistakes import read_mistakes

SHOWN = 6
"""Examples of a cell: of different seeds and bins as far as there are."""


def examples(folders: Iterable[Path]) -> list[dict]:
    """Some mistakes of the seeds of a cell, each with its seed; the shortest strings first.

    Args:
        folders: of the cell, one for each of its jobs.
    """
    found: list[dict] = []
    for folder in folders:
        own = read_mistakes(folder)
        found += [{"seed": seed} | one for seed, of in own.items() for one in of]
    return chosen(found)


def chosen(found: list[dict], count: int = SHOWN) -> list[dict]:
    """As many different bins and seeds as there is room for, the shortest strings of each first.

    The n-th mistakes of all seeds and bins come before any (n + 1)-th.
    """
    ranks: dict[tuple, int] = {}
    order = []
    for one in sorted(found, key=lambda one: (one["length"], one["seed"])):
        of_seed, of_pair = one["seed"], (one["seed"], one["bin"])
        rank = ranks[of_pair] = ranks.get(of_pair, -1) + 1
        turn = ranks[of_seed] = ranks.get(of_seed, -1) + 1
        order.append((rank, turn, one))
    order.sort(key=lambda item: item[:2])
    return sorted((one for *_, one in order[:count]), key=lambda one: (one["length"], one["seed"]))
