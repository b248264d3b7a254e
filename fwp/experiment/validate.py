"""Checking a config: what the schema says, names that must exist, numbers that must fit.

All is done on plain data, before an `Experiment` is made of it. There is one line per mistake: the
place in the config, the rule, what stands there and what may stand there.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fwp.claims import claim as library
from fwp.config import schema
from fwp.config.loading import merge, without_removed
from fwp.config.messages import ConfigError, show
from fwp.experiment import (
    validate_files,
    validate_models,
    validate_results,
    validate_search,
    validate_space,
    validate_tasks,
    validate_texts,
)
from fwp.experiment.colours import unknown_colours
from fwp.experiment.names import names_alike, repeated_titles
from fwp.experiment.resolve import MODEL_KEYS, named
from fwp.experiment.validate_models import Signatures
from fwp.utils.imports import make_importable
from fwp.utils.suggest import suggestion

MOST_JOBS = 100_000


class Checked(NamedTuple):
    """A config without mistakes.

    config: with all defaults, without what null removes.
    signatures: of the mixer of each model.
    claims: paths of the files of claims.
    """

    config: dict
    signatures: Signatures
    claims: list[str]


def checked(config: dict, source: str, folders: Sequence[str]) -> Checked:
    """Check a config.

    Args:
        config: as `fwp.config.loading.read_config` returns it.
        source: what to call it in messages.
        folders: where modules and claims of the user's own are looked for.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    given = without_removed(config, source)
    kinds = [given.get(kind) for kind in ("models", "tasks")]
    # Those that have mistakes too: a reference to them is none.
    names = [name for kind in kinds if isinstance(kind, dict) for name in kind]
    given, problems = schema.check(given)
    config = merge(schema.defaults(), given)
    if config["search"] is not None:
        config["search"] = merge(schema.defaults("search"), config["search"])
    claims, faults = _claims(config["claims"], folders)
    config.setdefault("models", {})
    config.setdefault("tasks", {})
    config["tasks"] = validate_files.located(config["tasks"], folders)
    if _has_modules(config):
        make_importable(folders)
    signatures, unknown = validate_models.signatures(config["models"], folders)
    sound = not any(line.startswith("search") for line in problems)
    problems += [*_problems(config, signatures, unknown, names, folders), *faults]
    problems += validate_search.search(config, signatures, names, sound=sound)
    if problems:
        raise ConfigError(problems, source)
    if config["search"] is not None:
        config["search"] = validate_space.fitted(config["search"], signatures)
    return Checked(config, signatures, claims)


def _has_modules(config: dict) -> bool:
    """Whether a mixer or language is a class in a module: my_module:MyClass."""
    named = [entry["mixer"] for entry in config["models"].values()]
    named += [entry.get("language", "") for entry in config["tasks"].values()]
    return any(":" in name for name in named)


def _problems(
    config: dict,
    signatures: Signatures,
    unknown: dict[str, str],
    names: list[str],
    folders: Sequence[str],
) -> Iterator[str]:
    """Mistakes in a config that satisfies the schema.

    Args:
        signatures: of models whose mixer is known.
        unknown: a line for each other model.
        names: of all models and tasks, also of those that the schema refuses.
        folders: where modules of the user's own are looked for.
    """
    if "extends" in config:
        yield (
            "extends: must stand in a file, which is read on top of the one that it names; "
            f"got {show(config['extends'])}"
        )
    yield from validate_results.results(config["results"])
    yield from _seeds(config["seeds"])
    yield from _jobs(config)
    yield from validate_tasks.windows(config)
    yield from validate_tasks.languages(config, folders)
    yield from validate_tasks.pairs(config)
    yield from validate_texts.texts(config)
    yield from validate_files.files(config)
    for model, entry in config["models"].items():
        if model in unknown:
            yield unknown[model]
        else:
            yield from validate_models.mixer(entry, signatures[model], f"models.{model}")
    yield from unknown_colours(config["models"])
    yield from _overrides(config, signatures, names)
    yield from validate_models.gpu(config, signatures)
    yield from validate_models.gradient(config, signatures)
    yield from validate_models.auxiliary(config, signatures)
    yield from validate_models.sizes(config, signatures)
    yield from validate_models.products(config, signatures)
    yield from validate_models.heads(config, signatures)
    yield from names_alike(config)
    if len(signatures) == len(config["models"]):
        yield from repeated_titles(config, signatures)
    for section in ("only", "analysis"):
        for kind in ("models", "tasks"):
            chosen = config[kind]
            for name in named(config[section][kind]) or []:
                if name not in chosen and name not in names:
                    yield (
                        f"{section}.{kind}: must be of {', '.join(chosen)}"
                        f"{suggestion(name, chosen)}, got {show(name)}"
                    )


def _seeds(seeds: int | list[int]) -> Iterator[str]:
    if isinstance(seeds, list):
        for seed, times in Counter(seeds).items():
            if times > 1:
                yield f"seeds: a seed may be given once, {seed} is given {times} times"


def _jobs(config: dict) -> Iterator[str]:
    """More jobs than can be planned."""
    seeds, each = config["seeds"], config["compute"]["seeds_per_job"]
    models, tasks = len(config["models"]), len(config["tasks"])
    groups = -(-(seeds if isinstance(seeds, int) else len(seeds)) // each)
    if models * tasks * groups > MOST_JOBS:
        yield (
            f"seeds: models × tasks × groups of compute.seeds_per_job = {each} seeds must be at "
            f"most {MOST_JOBS} jobs, got {models} × {tasks} × {groups}"
        )


def _claims(files: list[str], folders: Sequence[str]) -> tuple[list[str], list[str]]:
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


def _overrides(config: dict, signatures: Signatures, names: list[str]) -> Iterator[str]:
    for model, tasks in config["overrides"].items():
        if model not in config["models"]:
            if model not in names:
                yield f"overrides.{model}: {_one_of('models', model, config)}"
            continue
        for task, entry in tasks.items():
            where = f"overrides.{model}.{task}"
            if task not in config["tasks"] and task not in names:
                yield f"{where}: {_one_of('tasks', task, config)}"
            if "mixer" in entry:
                yield f"{where}.mixer: a model has one mixer; add another entry to models instead"
            if model in signatures:
                keys = ("training", *MODEL_KEYS[1:])
                yield from validate_models.options(signatures[model], entry, where, keys)


def _one_of(kind: str, name: str, config: dict) -> str:
    known = config[kind]
    return f"must be one of the {kind} {', '.join(known)}{suggestion(name, known)}"
