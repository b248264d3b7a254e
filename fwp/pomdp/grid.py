"""What is trained: environments × models × seeds, as the section `pomdp` of a config says."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from fwp import languages
from fwp.config.messages import ConfigError, show
from fwp.experiment import fingerprint, resolve
from fwp.experiment.experiment import Experiment
from fwp.experiment.learners import learners, model_of, unknown, unlearnt
from fwp.languages._title import titled
from fwp.pomdp.worlds import WORLDS, make
from fwp.utils.imports import make_importable
from fwp.utils.suggest import suggestion

STANDARD = {
    "parity": {"language": "parity"},
    "t_maze": {"world": "t_maze", "train": [10, 10]},
}
"""The environments of a config that names none."""
TITLES = {"t_maze": "Passive T-maze", "match": "Passive match"}
WITHOUT = ("parameters", "dropout")
"""Settings that the model of an agent cannot have."""
SHARED = (
    "batch_size",
    "collected",
    "updates",
    "replay",
    "discount",
    "target_rate",
    "exploration",
    "episodes",
)


class PomdpJob(NamedTuple):
    """One agent: a model that learns in an environment."""

    environment: str
    model: str
    seed: int

    @property
    def name(self) -> str:
        """The path of its result below the folder of the experiment, without suffix."""
        return f"{self.environment}/{self.model}/seed-{self.seed}"


def environments(config: dict) -> dict[str, dict[str, Any]]:
    """The entries of a config's `environments`, as they are given, without those that are null."""
    given = config["pomdp"]["environments"] or {}
    return {name: entry for name, entry in given.items() if entry is not None} or STANDARD


def jobs(experiment: Experiment) -> Iterator[PomdpJob]:
    """All runs that the section `pomdp` of a config names."""
    for environment in environments(experiment.config):
        for model in learners(experiment, "pomdp"):
            for seed in range(1, experiment.config["pomdp"]["seeds"] + 1):
                yield PomdpJob(environment, model, seed)


def params(experiment: Experiment, environment: str, model: str, seed: int) -> dict[str, Any]:
    """What decides a run: arguments of `fwp.pomdp.learning.run`.

    Raises:
        ConfigError: the model has settings that an agent's cannot have.
    """
    config = experiment.config
    given, entry = config["pomdp"], environments(config)[environment]
    training = resolve.given_training(config, model, "")
    return {
        "model": model_of(experiment, "pomdp", model, *WITHOUT),
        **_world(entry),
        "train": entry.get("train", given["train"]),
        "test": sorted(entry.get("test", given["test"])),
        "previous_action": entry.get("previous_action", "language" not in entry),
        "seed": seed,
        "steps": entry.get("steps", given["steps"]),
        **{key: given[key] for key in SHARED},
        **{key: training[key] for key in ("learning_rate", "clip")},
    }


def code(experiment: Experiment, environment: str, model: str) -> str:
    """Fingerprint of the code that decides a run."""
    entry, modules = (
        environments(experiment.config)[environment],
        experiment.signature(model).modules,
    )
    if "language" in entry:
        modules = (*modules, languages.module(entry["language"]))
    return fingerprint.fingerprint("pomdp", *modules, folders=experiment.folders)


def titles(config: dict) -> dict[str, str]:
    """How environments are shown, by their names.

    One that is named like its language or world has the title of that, unless it gives its own.
    """
    found = {}
    for name, entry in environments(config).items():
        usual = TITLES.get(name) if name == entry.get("world") else None
        if name == entry.get("language"):
            usual, _ = titled(name, entry.get("params", {}))
        found[name] = entry.get("title", usual or name)
    return found


def check(experiment: Experiment) -> None:
    """Refuse a section `pomdp` whose jobs would fail.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    if problems := list(_problems(experiment)):
        raise ConfigError(problems)


def _problems(experiment: Experiment) -> Iterator[str]:
    config = experiment.config
    given = config["pomdp"]
    yield from unknown(experiment, "pomdp")
    if given["environments"] is None:
        return
    for name in learners(experiment, "pomdp"):
        yield from unlearnt(experiment, "pomdp", name, *WITHOUT)
    entries = environments(config)
    if any(":" in entry.get("language", "") for entry in entries.values()):
        make_importable(experiment.folders)
    for name, entry in entries.items():
        yield from _of_environment(f"pomdp.environments.{name}", entry, given)


def _of_environment(where: str, entry: dict, given: dict) -> Iterator[str]:
    if "params" in entry and "language" not in entry:
        yield f"{where}.params: needs a language, got {show(entry['world'])} as the world"
        return
    if {"horizon", "shortest", "language", "params"} & entry.get("options", {}).keys():
        yield (
            f"{where}.options: must not hold horizon, shortest, language or params, which stand "
            f"beside them or follow from train and test; got {show(entry['options'])}"
        )
        return
    if "language" in entry and ":" not in entry["language"]:
        known = languages.names()
        if entry["language"] not in known:
            yield (
                f"{where}.language: must be one of {', '.join(known)}, or a class of your own, "
                f"my_module:MyLanguage{suggestion(entry['language'], known)}, got "
                f"{show(entry['language'])}"
            )
            return
    found = _world(entry)
    if found["world"] not in WORLDS and ":" not in found["world"]:
        yield (
            f"{where}.world: must be one of {', '.join(sorted(WORLDS.keys() - {'language'}))}, or "
            f"an id of Gymnasium with its module, my_module:Mine-v0, got {show(found['world'])}"
        )
        return
    windows = [("train", entry.get("train", given["train"]))]
    windows += [("test", (steps, steps)) for steps in entry.get("test", given["test"])]
    for key, (shortest, longest) in windows:
        if found["world"] not in WORLDS:
            continue
        try:
            world = make(found["world"], 1, found["options"], horizon=longest, shortest=shortest)
            world.reset(seed=0)
        except ValueError as error:
            yield f"{where}: with {key} = {show([shortest, longest])}, {error}"
            return


def _world(entry: dict) -> dict[str, Any]:
    """Name and options of the world of an environment."""
    options = dict(entry.get("options", {}))
    if "language" in entry:
        options |= {"language": entry["language"], "params": entry.get("params", {})}
    return {"world": entry.get("world", "language"), "options": options}
