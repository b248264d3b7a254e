"""What a config says of one model on one task, with everything that is left out filled in.

Of settings in several places the later one wins: defaults, the model's, the task's, those of
model × task. A config here is one that satisfies the schema, with all defaults.
"""

from fwp.config import schema
from fwp.config.loading import merge
from fwp.mixers._signature import Option

MODEL_KEYS = ("mixer", "hidden", "layers", "feed_forward", "wiring")


def entry(config: dict, *keys: str) -> dict:
    """What stands at a place, or nothing."""
    for key in keys:
        config = config.get(key, {})
    return config


def model_settings(config: dict, model: str, task: str) -> dict:
    """Model settings and options of the mixer, as given."""
    settings = dict(config["model"])
    settings |= entry(config, "models", model)
    settings |= entry(config, "tasks", task, "model")
    settings |= entry(config, "overrides", model, task)
    for key in ("training", "title"):
        settings.pop(key, None)
    return settings


def training_settings(config: dict, model: str, task: str) -> dict:
    """How the model is trained, as given."""
    training = dict(config["training"])
    training |= entry(config, "models", model, "training")
    training |= entry(config, "tasks", task, "training")
    return training | entry(config, "overrides", model, task, "training")


def resolved_model(config: dict, model: str, task: str, options: dict[str, Option]) -> dict:
    """The `model` of a cell; `options` are those that the mixer has."""
    settings = model_settings(config, model, task)
    chosen = {key: option.default for key, option in options.items() if option.known}
    for key, value in settings.items():
        if key in options:
            # 1 and 1.0 are the same number and must not look like a change.
            is_float = float in options[key].types and isinstance(value, int)
            chosen[key] = float(value) if is_float and not isinstance(value, bool) else value
    resolved = {"name": model} | {key: settings[key] for key in MODEL_KEYS}
    return resolved | {"options": {key: chosen[key] for key in options if key in chosen}}


def resolved_training(config: dict, model: str, task: str) -> dict:
    """The `training` of a cell."""
    training = training_settings(config, model, task)
    for key in ("learning_rate", "eps"):
        training[key] = float(training[key])
    training["betas"] = [float(beta) for beta in training["betas"]]
    return {key: training[key] for key in schema.defaults()["training"]}


def resolved_task(config: dict, task: str) -> dict:
    """The `task` of a cell."""
    found = entry(config, "tasks", task)
    params = dict(sorted(found.get("params", {}).items()))
    return {"name": task, "language": found["language"], "params": params}


def resolved_dataset(config: dict, task: str) -> dict:
    """What the strings of a task are drawn from, for `fwp.datasets.sampling.build_dataset`."""
    data = merge(config["data"], entry(config, "tasks", task, "data"))
    test = merge(config["evaluation"], entry(config, "tasks", task, "evaluation"))
    return {
        **resolved_task(config, task),
        "seed": data["seed"],
        "train": data["train"],
        "validation": data["validation"],
        "test": test,
    }
