"""What a schema cannot say about a config: names that must exist, numbers that must fit.

Every function yields one line per mistake: the place in the config, the rule, what stands there
and what may stand there.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from fwp.claims import claim as library
from fwp.config.loading import ConfigError, dotted, show
from fwp.experiment import names as shown
from fwp.experiment.resolve import MODEL_KEYS, model_settings, training_settings
from fwp.mixers import _signature
from fwp.mixers._signature import SignatureError
from fwp.utils.suggest import suggestion

COUNTABLE = 2_000  # symbols; counting the strings of longer windows takes seconds


def problems(experiment, names: list[str]) -> Iterator[str]:
    """All mistakes in an `fwp.experiment.experiment.Experiment` whose config satisfies the schema.

    Args:
        experiment: made of what the schema has left of the config.
        names: of all models and tasks, also of those that it has not left.
    """
    yield from _seeds(experiment.config["seeds"])
    yield from _windows(experiment)
    yield from _languages(experiment)
    known = []
    for model in experiment.models:
        try:
            signature = experiment.signature(model)
        except SignatureError as error:
            mixer = experiment.config["models"][model]["mixer"]
            yield f"models.{model}.mixer: {error}, got {show(mixer)}"
            continue
        known.append(model)
        yield from _mixer(experiment.config["models"][model], signature, f"models.{model}")
    yield from _overrides(experiment, known, names)
    yield from _gpu(experiment, known)
    yield from _gradient(experiment, known)
    yield from _heads(experiment, known)
    yield from shown.problems(experiment)
    for kind, chosen in (("models", experiment.models), ("tasks", experiment.tasks)):
        for name in experiment.config["analysis"][kind] or []:
            if name not in chosen and name not in names:
                yield (
                    f"analysis.{kind}: must be of {', '.join(chosen)}{suggestion(name, chosen)}, "
                    f"got {show(name)}"
                )


def _seeds(seeds: int | list[int]) -> Iterator[str]:
    if isinstance(seeds, list):
        for seed, times in Counter(seeds).items():
            if times > 1:
                yield f"seeds: a seed may be given once, {seed} is given {times} times"


def claims(files: list[str], folders: list[str]) -> tuple[list[str], list[str]]:
    """Where files of claims are, and a line for every mistake in their names or in themselves."""
    found, problems = [], []
    for i, name in enumerate(files):
        try:
            found.append(os.path.relpath(library.locate(name, folders)))
        except ConfigError as error:
            problems += [f"claims[{i}]: {line}" for line in error.problems]
    try:
        library.read_claims(found)
    except ConfigError as error:
        problems += [f"claims: {error.source}: {line}" for line in error.problems]
    return found, problems


# Windows and languages ----------------------------------------------------------------------------


def _windows(experiment) -> Iterator[str]:
    """Windows that are reversed or overlap, at the place where they are given."""
    config = experiment.config
    yield from _bins(config["data"], config["evaluation"], ())
    if (fault := _train_window(config["data"]["train"])) is not None:
        yield f"data.train.{fault}"
    for task, entry in config.get("tasks", {}).items():
        yield from _bins(entry.get("data", {}), entry.get("evaluation", {}), ("tasks", task))
        fault = _train_window(experiment.dataset(task)["train"])
        if fault is not None and "train" in entry.get("data", {}):
            yield f"tasks.{task}.data.train.{fault}"


def _train_window(train: dict) -> str | None:
    if train["min_length"] <= train["max_length"]:
        return None
    return (
        f"min_length: must be at most max_length = {train['max_length']}, got {train['min_length']}"
    )


def _bins(data: dict, evaluation: dict, place: tuple) -> Iterator[str]:
    for keys, bins in (
        (("data", "validation", "bins"), data.get("validation", {}).get("bins")),
        (("evaluation", "bins"), evaluation.get("bins")),
    ):
        where = dotted([*place, *keys])
        for i, (low, high) in enumerate(bins or []):
            if low > high:
                yield f"{where}[{i}]: must be [shortest, longest], got [{low}, {high}]"
        for first, second in pairwise(bins or []):
            if first[0] <= first[1] and second[0] <= second[1] and second[0] <= first[1]:
                rule = "must not overlap" if second[1] >= first[0] else "must be in ascending order"
                yield f"{where}: bins {rule}, got {show(first)} and {show(second)}"


def _languages(experiment) -> Iterator[str]:
    from fwp import languages

    try:
        known = languages.names()
    except ValueError as error:  # a file of the user's own
        yield f"tasks: the folder fwp/languages/ cannot be read: {error}"
        return
    for task in experiment.tasks:
        yield from _language(experiment, task, known)


def _language(experiment, task: str, known: list[str]) -> Iterator[str]:
    """A language or parameter that does not exist, and windows without strings of it."""
    from fwp import languages
    from fwp.datasets.sampling import plan

    entry = experiment.config["tasks"][task]
    name = entry["language"]
    if name not in known:
        yield (
            f"tasks.{task}.language: must be one of {', '.join(known)} (what classes in "
            f"fwp/languages/ have as their `name`){suggestion(name, known)}, got {show(name)}"
        )
        return
    params = entry.get("params", {})
    try:
        language = languages.get(name, **params)
    except (ValueError, TypeError) as error:
        # Languages name the parameter first, so that the place in the config goes on with it.
        named = re.match(r"(\w+)[.:\[]", str(error))
        yield f"tasks.{task}.params{'.' if named and named[1] in params else ': '}{error}"
        return
    spec = experiment.dataset(task)
    if list(_bins({"validation": spec["validation"]}, spec["test"], ())):
        return  # told elsewhere
    if _train_window(spec["train"]) is not None:
        return
    train = [[spec["train"]["min_length"], spec["train"]["max_length"]]]
    places = (
        (("data", "train"), train),
        (("data", "validation", "bins"), spec["validation"]["bins"]),
        (("evaluation", "bins"), spec["test"]["bins"]),
    )
    empty = False
    for keys, windows in places:
        where = _place(experiment.config, ("tasks", task), keys)
        whose = "" if where.startswith("tasks.") else f" (task {task})"
        for low, high in windows:
            try:
                if not any(language.count(length) for length in range(low, high + 1)):
                    language.no_strings(low, high)
            except ValueError as error:  # also of languages that cannot count so far
                empty = True
                yield f"{where}: {error}; got the window [{low}, {high}]{whose}"
    longest = max(high for _, windows in places for _, high in windows)
    if not empty and longest <= COUNTABLE:
        try:
            plan(spec)
        except ValueError as error:
            yield f"tasks.{task}: {error}"


def _place(config: dict, own: tuple, keys: tuple) -> str:
    """Where a setting of a task is given: at the task or for all."""
    value = config
    for key in (*own, *keys):
        if not isinstance(value, dict) or key not in value:
            return dotted(keys)
        value = value[key]
    return dotted([*own, *keys])


# Models -------------------------------------------------------------------------------------------


def _mixer(entry: dict, signature: _signature.Signature, where: str) -> Iterator[str]:
    """Options that the mixer does not have, or lacks, or that are of the wrong type."""
    entry = {key: value for key, value in entry.items() if key != "title"}
    yield from _options(signature, entry, where, ("training", *MODEL_KEYS, "title"))
    for option in signature.options.values():
        if option.required and option.name not in entry:
            yield f"{where}.{option.name}: is missing; the mixer {entry['mixer']} needs it"


def _options(
    signature: _signature.Signature, entry: dict, where: str, keys: tuple[str, ...]
) -> Iterator[str]:
    allowed = [*keys, *signature.options]
    for key, value in entry.items():
        if key in MODEL_KEYS or key == "training":
            continue
        if key not in signature.options:
            options = ", ".join(signature.options) or "none"
            yield (
                f"{where}.{key}: unknown key{suggestion(key, allowed)}; allowed: "
                f"{', '.join(keys)}; options of the mixer: {options}"
            )
        elif (rule := signature.options[key].fault(value)) is not None:
            yield f"{where}.{key}: {rule}, got {show(value)}"


def _overrides(experiment, known: list[str], names: list[str]) -> Iterator[str]:
    for model, tasks in experiment.config.get("overrides", {}).items():
        if model not in experiment.models:
            if model in names:
                continue
            yield (
                f"overrides.{model}: must be one of the models "
                f"{', '.join(experiment.models)}{suggestion(model, experiment.models)}"
            )
            continue
        for task, entry in tasks.items():
            where = f"overrides.{model}.{task}"
            if task not in experiment.tasks and task not in names:
                yield (
                    f"{where}: must be one of the tasks "
                    f"{', '.join(experiment.tasks)}{suggestion(task, experiment.tasks)}"
                )
            if "mixer" in entry:
                yield f"{where}.mixer: a model has one mixer; add another entry to models instead"
            if model in known:
                keys = ("training", *MODEL_KEYS[1:])
                yield from _options(experiment.signature(model), entry, where, keys)


def _gpu(experiment, known: list[str]) -> Iterator[str]:
    """Layers of flash-linear-attention where jobs get no GPU."""
    for model in known:
        mixer = experiment.config["models"][model]["mixer"]
        if mixer.startswith("fla.") and not experiment.gpus_per_job:
            yield (
                f"models.{model}.mixer: {mixer} runs on a GPU alone, but compute.device = "
                f"{experiment.device} gives jobs none here; allowed: another mixer, or "
                "compute.device: cuda for jobs that get one elsewhere"
            )


def _gradient(experiment, known: list[str]) -> Iterator[str]:
    """Gradients that `fwp.training.rtrl` cannot compute, at the first task of a model."""
    needed = {"mixer": ("elstm",), "layers": (1,), "wiring": (None, "plain")}
    for model in known:
        for task in experiment.tasks:
            cell = model_settings(experiment.config, model, task)
            wrong = [key for key, allowed in needed.items() if cell[key] not in allowed]
            if wrong and training_settings(experiment.config, model, task)["gradient"] == "rtrl":
                for key in wrong:
                    yield (
                        f"models.{model}.{key}: training.gradient = rtrl (task {task}) needs "
                        f"{show(needed[key][-1])}, got {show(cell[key])}; allowed here: bptt"
                    )
                break


def _heads(experiment, known: list[str]) -> Iterator[str]:
    """Numbers of heads that do not divide the width."""
    for model in known:
        if "heads" not in experiment.signature(model).options:
            continue
        for task in experiment.tasks:
            settings = model_settings(experiment.config, model, task)
            heads, hidden = settings.get("heads"), settings["hidden"]
            if heads is None:
                heads = experiment.signature(model).options["heads"].default
            if type(heads) is not int or (heads > 0 and hidden % heads == 0):
                continue
            divisors = [n for n in range(1, min(hidden, 1024) + 1) if hidden % n == 0]
            where = _place(experiment.config, ("overrides", model, task), ("heads",))
            if where == "heads":
                where = _place(experiment.config, ("models", model), ("heads",))
            if where == "heads":
                where = f"models.{model}.heads"
            width = f"hidden = {hidden}"
            for own in (("tasks", task, "model"), ("overrides", model, task)):
                if (place := _place(experiment.config, own, ("hidden",))) != "hidden":
                    width = f"{place} = {hidden}"
            yield (
                f"{where}: must divide {width}, got {heads}; allowed: "
                f"{', '.join(map(str, divisors))}"
            )
