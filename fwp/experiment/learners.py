"""Models of the config in experiments of their own, such as `pomdp` and `metalearning`."""

from collections.abc import Iterator
from typing import Any

from fwp.config.messages import ConfigError, show
from fwp.experiment import resolve
from fwp.experiment.experiment import Experiment
from fwp.utils.suggest import suggestion


def learners(experiment: Experiment, section: str) -> list[str]:
    """The models that a section of the config names in its `models`, in the order of the config."""
    chosen = experiment.config[section]["models"]
    return [name for name in experiment.models if chosen is None or name in chosen]


def unknown(experiment: Experiment, section: str) -> Iterator[str]:
    """A line for each name in a section's `models` that is none of the config."""
    known = experiment.config["models"]
    for name in experiment.config[section]["models"] or []:
        if name not in known:
            yield (
                f"{section}.models: must be of {', '.join(known)}{suggestion(name, known)}, "
                f"got {show(name)}"
            )


def unlearnt(experiment: Experiment, section: str, model: str, *keys: str) -> Iterator[str]:
    """A line for each of these settings that a model has, and the section cannot give it."""
    for key in keys:
        value = resolve.given_model(experiment.config, model, "")[key]
        where = resolve.model_place(experiment.config, model, "", key)
        allowed = f"models.{model}.{key}: {'null' if key == 'parameters' else 0}"
        if key == "parameters" and value is None:
            value = resolve.given_size(experiment.config, model, "")
            where, allowed = "search.budget.parameters", "null"
        if value:
            yield (
                f"{where}: must not be given for the model {model} of the section {section}, "
                f"got {show(value)}; allowed: {allowed}"
            )


def model_of(experiment: Experiment, section: str, model: str, *without: str) -> dict[str, Any]:
    """`ModelSettings` as a dict, as the config has them for tasks without settings of their own.

    Raises:
        ConfigError: one of the settings `without` is given.
    """
    if lines := list(unlearnt(experiment, section, model, *without)):
        raise ConfigError(lines)
    signature = experiment.signature(model)
    settings = resolve.resolved_model(experiment.config, model, "", signature.options).as_dict()
    return settings | {"mixer": signature.name(settings["mixer"])}
