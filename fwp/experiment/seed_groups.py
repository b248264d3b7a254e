"""Groups: the seeds of a cell that one job trains, and the names of their folders."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
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


def grouped(
    seeds: Iterable[int],
    size: int,
    taken: Iterable[range] = (),
    trained: Callable[[str], bool] | None = None,
) -> dict[str, list[int]]:
    """The wanted seeds by groups.

    Groups that are `taken` stay if all their seeds are wanted. One that holds further seeds is used
    if it is `trained`, so that fewer seeds train nothing. The other seeds are grouped again.

    Args:
        seeds: the wanted ones.
        size: of a new group, at most.
        taken: seeds of the groups that are there.
        trained: whether the group of a name needs no training; None for none of them.

    Returns:
        Name of each group, and the wanted seeds that are taken from it.
    """
    left, groups, larger = set(seeds), {}, []
    for own in taken:
        if left.issuperset(own):
            groups[group_name(own)] = list(own)
            left.difference_update(own)
        else:
            larger.append(own)
    while left and (overlapping := [own for own in larger if not left.isdisjoint(own)]):
        # As many wanted seeds as possible, and then as few others.
        own = min(overlapping, key=lambda own: (-len(left.intersection(own)), len(own)))
        larger.remove(own)
        if trained is not None and trained(group_name(own)):
            groups[group_name(own)] = sorted(left.intersection(own))
            left.difference_update(own)
    run: list[int] = []
    for seed in sorted(left):
        if run and (seed != run[-1] + 1 or len(run) == size):
            groups[group_name(run)] = run
            run = []
        run.append(seed)
    if run:
        groups[group_name(run)] = run
    return dict(sorted(groups.items(), key=lambda item: item[1]))
