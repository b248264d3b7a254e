"""Checking a config's tasks: languages, their parameters, and windows of lengths.

Every function yields one line per mistake, as `fwp.experiment.validate` says.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from fwp.config.messages import dotted, show
from fwp.datasets.recognition.task import NEGATIVES, PAIRS
from fwp.datasets.spec import TrainStrings
from fwp.experiment.resolve import (
    place,
    recognises,
    resolved_dataset,
    resolved_task,
    section,
)
from fwp.languages.base import Language
from fwp.utils import source
from fwp.utils.suggest import suggestion

COUNTABLE = 20_000  # lengths in all windows; sharing out the strings of more takes seconds
MOST_EMPTY = 3  # windows without strings that are told one by one
MOST_SYMBOLS = 2_000_000_000  # of a dataset


def windows(config: dict) -> Iterator[str]:
    """Windows that are reversed or overlap, at the place where they are given."""
    for own, whole in ((), config), *((("tasks", t), e) for t, e in config["tasks"].items()):
        for keys in (("data", "validation", "bins"), ("evaluation", "bins")):
            yield from _bins(section(whole, *keys) or (), dotted([*own, *keys]))
    if (fault := _reversed(TrainStrings(**config["data"]["train"]))) is not None:
        yield f"data.train.{fault}"
    for task, entry in config["tasks"].items():
        if "language" not in entry:
            continue
        fault = _reversed(resolved_dataset(config, task).train)
        if fault is not None and "train" in entry.get("data", {}):
            yield f"tasks.{task}.data.train.{fault}"


def _reversed(train: TrainStrings) -> str | None:
    if train.min_length <= train.max_length:
        return None
    return f"min_length: must be at most max_length = {train.max_length}, got {train.min_length}"


def _bins(bins: Sequence[Sequence[int]], where: str) -> Iterator[str]:
    for i, (low, high) in enumerate(bins):
        if low > high:
            yield f"{where}[{i}]: must be [shortest, longest], got [{low}, {high}]"
    for first, second in pairwise(bins):
        if first[0] <= first[1] and second[0] <= second[1] and second[0] <= first[1]:
            rule = "must not overlap" if second[1] >= first[0] else "must be in ascending order"
            yield f"{where}: bins {rule}, got {show(first)} and {show(second)}"


def languages(config: dict, folders: Sequence[str]) -> Iterator[str]:
    """Languages that do not exist, and what `_language` finds in the tasks of the others.

    Args:
        folders: where modules of the user's own are looked for first.
    """
    from fwp import languages

    try:
        known = languages.names()
    except ValueError as error:  # a file of the user's own
        yield f"tasks: the folder fwp/languages/ cannot be read: {error}"
        return
    for task, entry in config["tasks"].items():
        if "language" not in entry:
            continue
        if ":" in entry["language"]:
            yield from _own_language(config, task, folders)
        else:
            yield from _language(config, task, known)


def pairs(config: dict) -> Iterator[str]:
    """Pairs to be measured on tasks that have none."""
    rule = f"evaluation.{PAIRS}: needs a task with strings: {' or '.join(NEGATIVES)}"
    if config["evaluation"][PAIRS] and not any(map(recognises, config["tasks"].values())):
        yield f"{rule}, no task has these"
    for task, entry in config["tasks"].items():
        if entry.get("evaluation", {}).get(PAIRS) and not recognises(entry):
            yield f"tasks.{task}.{rule}, got {show(entry.get('strings', 'language'))}"


def _own_language(config: dict, task: str, folders: Sequence[str]) -> Iterator[str]:
    """A class that is no language, or that breaks a rule that all languages keep."""
    from fwp import languages
    from fwp.languages import _own, _properties

    name = config["tasks"][task]["language"]
    try:
        _own.load(name, folders)
    except _own.OwnLanguageError as error:
        yield f"tasks.{task}.language: {error}, got {show(name)}"
        return
    try:
        faults = list(_language(config, task, [name]))
        if not faults:
            language = languages.get(name, **config["tasks"][task].get("params", {}))
            found = _properties.check_language(language)
            faults = [
                f"tasks.{task}.language: {name} breaks the rule that {rule}: {fault}"
                for rule, fault in found.items()
                if fault is not None
            ]
        yield from faults
    except Exception as error:  # of the user's code
        path = source.find(name.partition(":")[0], folders)
        yield f"tasks.{task}.language: {name} raises {_own.blame(error, path)}"


def _language(config: dict, task: str, known: list[str]) -> Iterator[str]:
    """A language or parameter that does not exist, and windows without strings of it."""
    from fwp.datasets.recognition.build import plan_recognition
    from fwp.datasets.sampling import plan
    from fwp.experiment.known_languages import known_language

    entry = config["tasks"][task]
    name = entry["language"]
    if name not in known:
        yield (
            f"tasks.{task}.language: must be one of {', '.join(known)} (what classes in "
            f"fwp/languages/ have as their `name`), or a class of your own, my_module:MyLanguage"
            f"{suggestion(name, known)}, got {show(name)}"
        )
        return
    params = entry.get("params", {})
    try:
        resolved = resolved_task(config, task).params
        language = known_language(name, resolved["params"] if recognises(entry) else resolved)
    except (ValueError, TypeError) as error:
        # Languages name the parameter first, so that the place in the config goes on with it.
        named = re.match(r"(\w+)[.:\[]", str(error))
        yield f"tasks.{task}.params{'.' if named and named[1] in params else ': '}{error}"
        return
    spec = resolved_dataset(config, task)
    if [*_bins(spec.validation.bins, ""), *_bins(spec.test.bins, "")]:
        return  # told elsewhere
    if _reversed(spec.train) is not None:
        return
    places = (
        (("data", "train"), spec.train.bins),
        (("data", "validation", "bins"), spec.validation.bins),
        (("evaluation", "bins"), spec.test.bins),
    )
    broken, longest = False, max(high for _, windows in places for _, high in windows)
    try:
        language.check_length(longest)
    except ValueError as error:
        keys, windows = next(p for p in places if any(high == longest for _, high in p[1]))
        window = next([low, high] for low, high in windows if high == longest)
        where = place(config, ("tasks", task), keys)
        yield f"{where}: {error}; got the window {window} (task {task})"
        return
    for keys, windows in places:
        where = place(config, ("tasks", task), keys)
        whose = "" if where.startswith("tasks.") else f" (task {task})"
        faults = list(_empty(language, windows))
        yield from (f"{where}: {fault}{whose}" for fault in faults)
        broken = broken or bool(faults)
    if broken or sum(high - low + 1 for _, windows in places for low, high in windows) > COUNTABLE:
        return
    try:
        recognised = recognises(entry)
        if recognised:
            shares = plan_recognition(spec, language=language)
        else:
            shares = plan(spec, language=language)[1]
    except ValueError as error:
        between = "." if str(error).startswith("strings:") else ": "
        yield f"tasks.{task}{between}{error}"
        return
    symbols = sum(
        length * number
        for windows in shares.values()
        for numbers in windows.values()
        for length, number in numbers.items()
    )
    if symbols > MOST_SYMBOLS:
        yield (
            f"tasks.{task}: all strings together must have at most {MOST_SYMBOLS:,} symbols, these "
            f"have {symbols:,}; lower the counts in data and evaluation, or the lengths"
        )


def _empty(language: Language, windows: Sequence[Sequence[int]]) -> Iterator[str]:
    """Windows without strings of a language, the first of many one by one."""
    empty = []
    for low, high in windows:
        try:
            if any(language.count_capped(length) for length in range(low, high + 1)):
                continue
            if len(empty) < MOST_EMPTY:
                language.no_strings(low, high)
        except ValueError as error:
            yield f"{error}; got the window [{low}, {high}]"
        empty.append([low, high])
    if len(empty) > MOST_EMPTY:
        yield f"{len(empty) - MOST_EMPTY} more windows hold no string, the last is {empty[-1]}"
