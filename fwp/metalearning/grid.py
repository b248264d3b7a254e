"""What is trained: families of tasks × models × objectives × seeds."""

from collections.abc import Iterator
from typing import Any

from fwp.config.messages import ConfigError
from fwp.experiment import resolve
from fwp.experiment.experiment import Experiment
from fwp.experiment.learners import learners, model_of, unknown
from fwp.metalearning.job import MetalearningJob

STREAMS = ("labels", "ways", "shots", "queries", "dimensions", "noise", "images", "episodes")
"""The settings of the section that say what streams and tests are like."""


def jobs(experiment: Experiment) -> Iterator[MetalearningJob]:
    """All runs that the section `metalearning` of a config names.

    Raises:
        ConfigError: a model of the section is none of the config, or image sets are missing.
    """
    settings = experiment.config["metalearning"]
    problems = list(unknown(experiment, "metalearning"))
    if "images" in settings["tasks"] and settings["images"] is None:
        problems.append("metalearning.images: must name paths for the tasks images, got null")
    if problems:
        raise ConfigError(problems)
    for family in settings["tasks"]:
        for learner in learners(experiment, "metalearning"):
            for objective in settings["objectives"]:
                for seed in range(1, settings["seeds"] + 1):
                    yield MetalearningJob(family, learner, objective, seed)


def params(
    experiment: Experiment, family: str, learner: str, objective: str, seed: str
) -> dict[str, Any]:
    """What decides a run: arguments of `fwp.metalearning.training.run`.

    Model and training are as the config has them for tasks without settings of their own.

    Raises:
        ConfigError: the model has a number of parameters to find its width by.
    """
    config = experiment.config
    settings = config["metalearning"]
    return {
        "task": family,
        "model": model_of(experiment, "metalearning", learner, "parameters"),
        "training": resolve.resolved_training(config, learner, "").as_dict(),
        "objective": objective,
        "seed": int(seed),
        "steps": settings["steps"],
        "settings": {key: settings[key] for key in STREAMS},
    }
