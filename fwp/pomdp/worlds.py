"""The worlds of the lab by their names, and those of Gymnasium by theirs."""

from collections.abc import Mapping
from typing import Any

from fwp.pomdp.language_world import LanguageWorld
from fwp.pomdp.match import Match
from fwp.pomdp.t_maze import TMaze
from fwp.pomdp.world import World

WORLDS: dict[str, type[World]] = {"language": LanguageWorld, "t_maze": TMaze, "match": Match}


def make(
    name: str, count: int, options: Mapping[str, Any], *, horizon: int, shortest: int | None = None
) -> Any:
    """`count` episodes side by side: a `World`, or a `gymnasium.vector.VectorEnv`.

    Args:
        name: of a world, or an id of Gymnasium such as "my_module:Mine-v0", whose observations and
            actions are `Discrete`, and whose class takes `horizon`.
        count: how many episodes go on at a time.
        options: further keyword arguments of the world.
        horizon: steps of the longest episode.
        shortest: steps of the shortest, of a world of the lab; None: the same.

    Raises:
        ValueError: there is no such world, it takes no such options, or Gymnasium is missing.
    """
    if name in WORLDS:
        try:
            return WORLDS[name](count, **options, horizon=horizon, shortest=shortest)
        except TypeError as error:
            raise ValueError(f"options of {name}: {error}") from error
    try:
        import gymnasium
    except ModuleNotFoundError as error:
        raise ValueError(
            f"world must be one of {', '.join(WORLDS)}, or with pip install 'fwp-lab[pomdp]' an id "
            f"of Gymnasium, got {name!r}"
        ) from error
    return gymnasium.make_vec(name, count, **options, horizon=horizon)


def sizes(world: Any) -> tuple[int, int]:
    """How many observations and how many actions there are.

    Raises:
        ValueError: they are no numbers from 0 on.
    """
    if isinstance(world, World):
        return len(world.observations), len(world.actions)
    spaces = (world.single_observation_space, world.single_action_space)
    numbers = [getattr(space, "n", None) for space in spaces]
    if None in numbers or any(space.start for space in spaces):
        raise ValueError(
            "observations and actions of a world must be Discrete, from 0 on, got "
            f"{spaces[0]} and {spaces[1]}"
        )
    return int(numbers[0]), int(numbers[1])  # type: ignore[arg-type]
