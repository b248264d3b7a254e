"""What is trained: families of tasks × models × objectives × seeds."""

from collections.abc import Iterator
from typing import Any

from fwp.config.messages import ConfigError
from fwp.experiment import resolve
from fwp.experiment.experiment import Experiment
from fwp.metalearning.job import MetalearningJob
from fwp.utils.suggest import suggestion

STREAMS = ("labels", "ways", "shots", "queries", "dimensions", "noise", "images", "episodes")
"""The settings of the section that say what streams and tests are like."""


def jobs(experiment: Experiment) -> Iterator[MetalearningJob]:
    """All runs that the section `metalearning` of a config names.

    Raises:
        ConfigError: a model of the section is none of the config, or image sets are missing.
    """
    settings = experiment.config["metalearning"]
    learners = settings["models"] or experiment.models
    for name in learners:
        if name not in experiment.models:
            known = experiment.models
            raise _mistake(
                f"models: must be of {', '.join(known)}{suggestion(name, known)}, got {name!r}"
            )
    if "images" in settings["tasks"] and settings["images"] is None:
        raise _mistake("images: must name paths for the tasks images, got null")
    for family in settings["tasks"]:
        for learner in learners:
            for objective in settings["objectives"]:
                for seed in range(1, settings["seeds"] + 1):
                    yield MetalearningJob(family, learner, objective, seed)


def params(
    experiment: Experiment, family: str, learner: str, objective: str, seed: str
) -> dict[str, Any]:
    """What decides a run: arguments of `fwp.metalearning.training.run`.

    Model and training are as the config has them for tasks without settings of their own.
    """
    config = experiment.config
    settings = config["metalearning"]
    mixer = experiment.signature(learner)
    model = resolve.resolved_model(config, learner, "", mixer.options).as_dict()
    return {
        "task": family,
        "model": model | {"mixer": mixer.name(model["mixer"])},
        "training": resolve.resolved_training(config, learner, "").as_dict(),
        "objective": objective,
        "seed": int(seed),
        "steps": settings["steps"],
        "settings": {key: settings[key] for key in STREAMS},
    }


def _mistake(what: str) -> ConfigError:
    return ConfigError([f"metalearning.{what}"], "the config")
