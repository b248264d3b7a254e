"""What a config says of a search: the space of each model, and how it is searched.

A search job is given the outcome, so that no edit here or of the schema repeats one.
"""

from typing import Any

from fwp.config import schema
from fwp.search.settings import SearchSettings, points
from fwp.search.space import Choice, Range, Space, flat, plain

TRIALS = 24  # unless the config says


def space_of(config: dict, model: str, task: str | None = None) -> Space:
    """What is searched for a model; empty if its settings stay as they are.

    Args:
        config: a checked one, with all defaults.
        task: on which task; settings in `overrides` of that cell are not searched.
    """
    search = config["search"]
    if search is None:
        return {}
    given = flat(search["space"]) | flat(search["models"].get(model, {}))
    fixed = flat(config["overrides"].get(model, {}).get(task, {})) if task is not None else {}
    return {
        key: _dimension(key, given[key])
        for key in sorted(given)
        if given[key] is not None and key not in fixed
    }


def search_settings(config: dict, model: str, task: str | None = None) -> SearchSettings | None:
    """The search for a model; None if its settings stay as they are.

    Args:
        config, task: as of `space_of`.
    """
    space = space_of(config, model, task)
    if not space:
        return None
    given = config["search"]
    trials = given["trials"]
    if given["method"] == "grid":
        trials = points(space)
    return SearchSettings(
        trials=TRIALS if trials is None else trials,
        method=given["method"],
        seeds=given["seeds"],
        seed=given["seed"],
        halving=given["halving"],
        budget=given["budget"],
        space=plain(space),
    )


def _rule(key: str) -> dict | None:
    """What the schema says of a setting; None for options of a mixer."""
    if key.startswith("training."):
        return schema.rule("training", key.removeprefix("training."))
    return schema.rule("model", key)


def _dimension(key: str, given: Any) -> Choice | Range:
    if isinstance(given, list):
        return Choice(tuple(given))
    known = _rule(key)
    ends = {name: given[name] for name in ("low", "high", "step") if given.get(name) is not None}
    # Of options, a checked config has integers where the mixer takes them.
    kinds = ["integer", "number"] if known is None else known.get("type")
    if kinds == ["integer", "number"]:  # whole numbers if the ends are
        integer = all(isinstance(end, int) for end in ends.values())
    else:
        integer = kinds == "integer"
    if not integer:
        ends = {name: float(end) for name, end in ends.items()}
    return Range(**{**given, **ends, "integer": integer})
