"""Groups: the seeds of a cell that one job trains, and the names of their folders."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

GROUP = re.compile(r"seeds?-(\d+)(?:-(\d+))?")


def group_name(seeds: Sequence[int]) -> str:
    """Folder of consecutive seeds: seed-3, or seeds-0-2."""
    return f"seed-{seeds[0]}" if len(seeds) == 1 else f"seeds-{seeds[0]}-{seeds[-1]}"


def group_seeds(name: str) -> range:
    """The seeds of a group; none if it is not the name of one."""
    match = GROUP.fullmatch(name)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)


def existing(folder: str | Path) -> list[range]:
    """Seeds of the groups whose folders lie in that of a cell, large groups first."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - faster
    except OSError:
        names = []
    found = filter(None, map(group_seeds, names))
    return sorted(found, key=lambda seeds: (-len(seeds), seeds.start))


def grouped(seeds: Iterable[int], size: int, taken: Iterable[range] = ()) -> dict[str, list[int]]:
    """Seeds by groups of at most `size` consecutive ones; groups that are `taken` stay."""
    left, groups = set(seeds), []
    for own in taken:
        if left.issuperset(own):
            groups.append(list(own))
            left.difference_update(own)
    run: list[int] = []
    for seed in sorted(left):
        if run and (seed != run[-1] + 1 or len(run) == size):
            groups.append(run)
            run = []
        run.append(seed)
    groups += [run] if run else []
    return {group_name(own): own for own in sorted(groups)}
