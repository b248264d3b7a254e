"""Checking a search against the cells that it is for: what has to fit together.

Every function yields one line per mistake, as `fwp.experiment.validate` says.
"""

from collections.abc import Iterable, Iterator, Mapping

from fwp.config.messages import dotted, show
from fwp.experiment import validate_space
from fwp.experiment.resolve import given_model, given_training, place, section
from fwp.mixers._signature import Signature
from fwp.search.configured import TRIALS, space_of
from fwp.search.settings import points
from fwp.search.space import Choice, Range, Space, flat

MOST_RUNS = 10_000  # of a model on a task
RTRL: dict[str, tuple] = {"layers": (1,), "wiring": (None, "plain")}
"""What real-time recurrent learning needs."""


def search(
    config: dict, signatures: Mapping[str, Signature], names: list[str], *, sound: bool
) -> Iterator[str]:
    """Everything that is wrong with the section `search`.

    Args:
        config: one that satisfies the schema, with all defaults.
        signatures: of models whose mixer is known.
        names: of models and tasks that have mistakes, and others.
        sound: whether the section itself had none, so that nothing was left out of it.
    """
    given = config["search"]
    if given is None:
        return
    models = [*config["models"], *(name for name in names if name not in config["tasks"])]
    problems = [
        *validate_space.seeds(config["seeds"]),
        *validate_space.spaces(given, signatures, list(dict.fromkeys(models))),
        *_runs(given),
    ]
    yield from problems
    if sound and not problems and len(signatures) == len(config["models"]) > 0:
        config = config | {"search": validate_space.fitted(given, signatures)}
        yield from _of_models(config, given, signatures)
        for model in config["models"]:
            for task in config["tasks"]:
                lines = list(_of_cell(config, model, task, signatures[model]))
                yield from lines
                if lines:
                    break


def _runs(given: dict) -> Iterator[str]:
    trials = given["trials"] or (1 if given["method"] == "grid" else TRIALS)
    if trials * given["seeds"] > MOST_RUNS:
        yield (
            f"search.trials: trials × search.seeds must be at most {MOST_RUNS} for a model on a "
            f"task, got {trials} × {given['seeds']}"
        )


def _of_models(config: dict, given: dict, signatures: Mapping[str, Signature]) -> Iterator[str]:
    """What does not depend on the task; `given` is the section as it stands in the config."""
    spaces = {model: space_of(config, model) for model in config["models"]}
    if not any(spaces.values()):
        yield "search.space: is empty, so that nothing would be searched; name settings in it"
        return
    for model, space in spaces.items():
        for key in space.keys() & signatures[model].options.keys():
            if key not in config["models"][model] and not signatures[model].options[key].known:
                yield (
                    f"{_place(given, model, key)}: the mixer computes its own value where none is "
                    f"given, so that models.{model}.{key} must be given for a search"
                )
        if given["budget"] is not None:
            yield from _budget(config, model, space, signatures[model])
        yield from _parameters(config, model, space)
    if given["method"] == "grid":
        searched = {model: space for model, space in spaces.items() if space}
        lines = (_grid(given, model, space) for model, space in searched.items())
        yield from next(filter(None, map(list, lines)), [])  # of one model: the others are alike


def _budget(config: dict, model: str, space: Space, signature: Signature) -> Iterator[str]:
    given = config["search"]
    if not space:
        yield (
            f"search.models.{model}: nothing is searched for {model}, but search.budget is for "
            "all models; name a setting in its space"
        )
    if "hidden" in space:
        yield (
            f"{_place(given, model, 'hidden')}: the width is solved from search.budget; allowed: "
            "one of the two"
        )
    for task, settings in config["overrides"].get(model, {}).items():
        if "hidden" in settings:
            yield (
                f"{dotted(['overrides', model, task, 'hidden'])}: the width is solved from "
                "search.budget; allowed: one of the two"
            )
    if "state" in given["budget"] and signature.facts.state_grows:
        yield (
            f"search.budget.state: the state of {model} grows with the string; allowed: "
            "search.budget.parameters"
        )


def _parameters(config: dict, model: str, space: Space) -> Iterator[str]:
    """A search of what is solved from `parameters` of the model; the first task that has it."""
    given = config["search"]
    for task in config["tasks"]:
        if given_model(config, model, task)["parameters"] is None:
            continue
        if given["budget"] is not None:
            yield (
                f"search.budget: the size of {model} on {task} is given by parameters already; "
                "allowed: one of the two"
            )
        elif "hidden" in space:
            yield (
                f"{_place(given, model, 'hidden')}: the width of {model} on {task} is solved from "
                "parameters; allowed: one of the two"
            )
        return


def _grid(given: dict, model: str, space: Space) -> Iterator[str]:
    endless = [key for key, dimension in space.items() if dimension.grid_size is None]
    for key in endless:
        yield (
            f"{_place(given, model, key)}: the method grid needs points or step for a range of "
            "any number"
        )
    if endless:
        return
    found, trials = points(space), given["trials"]
    if found * given["seeds"] > MOST_RUNS:
        yield (
            f"search.space: points of the grid × search.seeds must be at most {MOST_RUNS}, got "
            f"{found} × {given['seeds']} for {model}"
        )
    elif trials not in (None, found):
        yield (
            f"search.trials: the method grid tries all points, {found} for {model}; allowed: null, "
            f"got {trials}"
        )


def _of_cell(config: dict, model: str, task: str, signature: Signature) -> Iterator[str]:
    space = space_of(config, model, task)
    if space:
        yield from _halving(config, model, task, space)
        yield from _gradient(config, model, task, space)
        if "heads" in signature.options and config["search"]["budget"] is None:
            yield from _heads(config, model, task, space, signature)


def _halving(config: dict, model: str, task: str, space: Space) -> Iterator[str]:
    halving = config["search"]["halving"]
    if halving is None:
        return
    searched = space.get("training.epochs")
    if searched is None:
        epochs = given_training(config, model, task)["epochs"]
        keys = ("training", "epochs")
        where = dotted(keys)
        for own in (("models", model), ("tasks", task), ("overrides", model, task)):
            found = place(config, own, keys)
            where = where if found == dotted(keys) else found
    else:
        epochs = min(searched.values) if isinstance(searched, Choice) else searched.low
        where = _place(config["search"], model, "training.epochs")
    if halving["epochs"] >= epochs:
        yield (
            f"search.halving.epochs: must be less than {where} = {epochs}, got {halving['epochs']}"
        )


def _gradient(config: dict, model: str, task: str, space: Space) -> Iterator[str]:
    """Values that real-time recurrent learning excludes."""
    if given_training(config, model, task)["gradient"] != "rtrl":
        return
    for key in RTRL.keys() & space.keys():
        dimension, where = space[key], _place(config["search"], model, key)
        if isinstance(dimension, Choice):
            wrong = [show(value) for value in dimension.values if value not in RTRL[key]]
        else:
            wrong = [_shown(dimension)]
        for value in wrong:
            yield f"{where}: training.gradient = rtrl needs {show(RTRL[key][-1])}, got {value}"


def _heads(
    config: dict, model: str, task: str, space: Space, signature: Signature
) -> Iterator[str]:
    """Heads and widths that are in no possible trial."""
    own = {"heads": signature.options["heads"].default} | given_model(config, model, task)
    widths = space.get("hidden", Choice((own["hidden"],)))
    heads = space.get("heads", Choice((own["heads"],)))
    if not {"hidden", "heads"} & space.keys() or (own["heads"] is None and "heads" not in space):
        return
    fitting: Iterable[int]
    if isinstance(heads, Choice):
        fitting = [n for n in heads.values if type(n) is not int or _divides(n, widths)]
        if "heads" in space:
            for n in heads.values:
                if n not in fitting:
                    yield (
                        f"{_place(config['search'], model, 'heads')}: must divide a width of "
                        f"{model} on {task}, {_shown(widths)}, got {n}"
                    )
            if len(fitting) < len(heads.values):
                return
    else:
        fitting = range(max(1, int(heads.low)), int(heads.last) + 1, int(heads.step or 1))
    whole = [n for n in fitting if type(n) is int] if isinstance(fitting, list) else fitting
    if isinstance(heads, Choice) and len(whole) < len(fitting):  # null: the mixer chooses
        return
    wrong = []
    if isinstance(widths, Choice) and "hidden" in space:
        wrong = [w for w in widths.values if not any(w % n == 0 for n in whole if n <= w)]
    elif not any(_divides(n, widths) for n in whole if n <= _widest(widths)):
        wrong = [_shown(widths)]
    where = _place(config["search"], model, "hidden" if "hidden" in space else "heads")
    for width in wrong:
        yield (
            f"{where}: a width must be a multiple of the heads of {model} on {task}, "
            f"{_shown(heads)}, got {width}"
        )


def _widest(widths: Choice | Range) -> float:
    """The largest width."""
    return max(widths.values) if isinstance(widths, Choice) else widths.last


def _divides(heads: int, widths: Choice | Range) -> bool:
    """Whether one of the widths is a multiple."""
    if heads < 1:
        return False
    if isinstance(widths, Choice):
        return any(width % heads == 0 for width in widths.values)
    low, last, step = int(widths.low), int(widths.last), int(widths.step or 1)
    if step == 1:
        return last // heads * heads >= low
    return any(width % heads == 0 for width in range(low, last + 1, step)[:heads])


def _shown(dimension: Choice | Range) -> str:
    if isinstance(dimension, Range):
        step = "" if dimension.step is None else f" in steps of {dimension.step}"
        return f"{dimension.low} to {dimension.high}{step}"
    shown = [show(value) for value in dimension.values[:10]]
    return ", ".join(shown) + ", …" * (len(dimension.values) > 10)


def _place(given: dict, model: str, key: str) -> str:
    """Where a setting of a model is in the section `search`."""
    own = section(given, "models").get(model, {})
    at = ("models", model) if flat(own).get(key) is not None else ("space",)
    return dotted(["search", *at, *key.split(".")])
