"""What a config says of one model on one task, with everything that is left out filled in.

Of settings in several places the later one wins: defaults, the model's, the task's, those of
model × task. A config here is one that satisfies the schema, with all defaults.
"""

from collections.abc import Mapping
from typing import Any

from fwp.config import schema
from fwp.config.loading import merge
from fwp.config.messages import ConfigError, dotted
from fwp.config.settings import ModelSettings, TrainingSettings
from fwp.datasets.files.windows import FILES, files_windows
from fwp.datasets.files.windows import MEASURED as MEASURED_FILES
from fwp.datasets.recognition.task import NEGATIVES, PAIRS, recognition
from fwp.datasets.spec import TEXTS, DatasetSpec, TaskSettings
from fwp.datasets.text.windows import MEASURED, text_windows
from fwp.mixers._signature import Option

MODEL_KEYS = ("mixer", "hidden", "layers", "feed_forward", "wiring", "parameters", "dropout")
SHOWN = ("title", "colour")  # of a model; they decide no result


def section(config: Any, *keys: str) -> Any:
    """What stands at a place, or nothing."""
    for key in keys:
        config = config.get(key, {})
    return config


def place(config: dict, own: tuple, keys: tuple) -> str:
    """Where a setting is given: at `own`, such as ("tasks", task), or for all."""
    value = config
    for key in (*own, *keys):
        if not isinstance(value, dict) or key not in value:
            return dotted(keys)
        value = value[key]
    return dotted([*own, *keys])


def model_place(config: dict, model: str, task: str, key: str) -> str:
    """Where the value stands that `given_model` gives a setting; of a default, where it would."""
    for own in (("overrides", model, task), ("tasks", task, "model"), ("models", model)):
        if key in section(config, *own):
            return dotted([*own, key])
    return dotted(["model", key])


def named(chosen: str | list[str] | None) -> list[str] | None:
    """Names that a config chooses, of which it may give one without a list; None for all."""
    return [chosen] if isinstance(chosen, str) else chosen


def given_model(config: dict, model: str, task: str) -> dict:
    """Model settings and options of the mixer, as given."""
    settings = dict(config["model"])
    settings |= section(config, "models", model)
    settings |= section(config, "tasks", task, "model")
    settings |= section(config, "overrides", model, task)
    for key in ("training", *SHOWN):
        settings.pop(key, None)
    return settings


def given_training(config: dict, model: str, task: str) -> dict:
    """How the model is trained, as given."""
    training = dict(config["training"])
    training |= section(config, "models", model, "training")
    training |= section(config, "tasks", task, "training")
    return training | section(config, "overrides", model, task, "training")


def resolved_model(
    config: dict, model: str, task: str, options: Mapping[str, Option]
) -> ModelSettings:
    """The model of a cell; `options` are those that the mixer has."""
    settings = given_model(config, model, task)
    chosen = {key: option.default for key, option in options.items() if option.known}
    for key, value in settings.items():
        if key in options:
            # 1 and 1.0 are the same number and must not look like a change.
            is_float = float in options[key].types and isinstance(value, int)
            chosen[key] = float(value) if is_float and not isinstance(value, bool) else value
    settings |= {"parameters": given_size(config, model, task)}
    return _model(model, settings, {key: chosen[key] for key in options if key in chosen})


def given_size(config: dict, model: str, task: str) -> int | None:
    """The trained numbers that a model's width is solved from; None if its width is given."""
    budget = (config["search"] or {}).get("budget") or {}
    return given_model(config, model, task)["parameters"] or budget.get("parameters")


def _model(name: str, settings: dict, options: dict) -> ModelSettings:
    given = {key: settings[key] for key in MODEL_KEYS}
    share = given["feed_forward"] if given["parameters"] is not None else None
    return ModelSettings(name=name, **given, options=options, share=share)


def resolved_training(config: dict, model: str, task: str) -> TrainingSettings:
    """How the model of a cell is trained."""
    return TrainingSettings.from_dict(given_training(config, model, task))


def text_kind(entry: Mapping[str, Any]) -> str | None:
    """text or translation, if that is what an entry of `tasks` is; None for a language."""
    return next((kind for kind in TEXTS if kind in entry), None)


def recognises(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of `tasks` is about whole strings, in a language or outside."""
    return entry.get("strings") in NEGATIVES


def _files(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry of `tasks` says of its files, with all defaults."""
    return merge(schema.defaults("strings"), entry[FILES])


def _text(entry: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What an entry of `tasks` says of its text, with all defaults."""
    return merge(schema.defaults(kind), entry[kind])


def resolved_task(config: dict, task: str) -> TaskSettings:
    """The task of a cell."""
    found = section(config, "tasks", task)
    if kind := text_kind(found):
        params = _text(found, kind)
        return TaskSettings(task, kind, {k: v for k, v in params.items() if k not in MEASURED})
    if FILES in found:
        given = {k: v for k, v in sorted(_files(found).items()) if k not in MEASURED_FILES}
        return TaskSettings(task, FILES, {FILES: given})
    params = dict(sorted(found.get("params", {}).items()))
    if found["language"] == "automaton":  # what its files hold decides the strings
        from fwp.languages.automaton_file import with_contents

        params = with_contents(params)
    settings = TaskSettings(task, found["language"], params)
    return recognition(settings, found["strings"]) if recognises(found) else settings


def resolved_dataset(config: dict, task: str) -> DatasetSpec:
    """What the strings of a task are drawn from; a text's windows count as strings."""
    entry = section(config, "tasks", task)
    if kind := text_kind(entry):
        return text_windows(resolved_task(config, task), _text(entry, kind))
    test = merge(config["evaluation"], section(config, "tasks", task, "evaluation"))
    if FILES in entry:
        return files_windows(resolved_task(config, task), _files(entry), test["bins"])
    data = merge(config["data"], section(config, "tasks", task, "data"))
    found = resolved_task(config, task).as_dict() | data | {"test": test}
    if recognises(entry) and test[PAIRS]:
        found |= {"measure": {PAIRS: True}}
    return DatasetSpec.from_dict(found)


# Without a config ---------------------------------------------------------------------------------


def model_settings(mixer: str, **given: Any) -> ModelSettings:
    """Settings of a model of one's own; what is left out is the default.

    Args:
        mixer: as in a config.
        given: model settings, and options of the mixer.

    Raises:
        ConfigError: the schema refuses a setting.
    """
    config = _complete("models.model", {"models": {"model": {"mixer": mixer, **given}}})
    settings = given_model(config, "model", "task")
    options = {key: value for key, value in settings.items() if key not in MODEL_KEYS}
    return _model(mixer, settings, options)


def training_settings(**given: Any) -> TrainingSettings:
    """Settings of a training run of one's own; what is left out is the default.

    Raises:
        ConfigError: the schema refuses a setting, or has none of this name.
    """
    config = _complete("training", {"training": given})
    return TrainingSettings.from_dict(config["training"])


def _complete(place: str, given: dict) -> dict:
    """A config of what is given, and defaults; ConfigError with places relative to `place`."""
    whole = {"models": {"model": {"mixer": "-"}}, "tasks": {"task": {"language": "-"}}} | given
    found, problems = schema.check(whole)
    if problems:
        raise ConfigError((line.removeprefix(f"{place}.") for line in problems), "the settings")
    return merge(schema.defaults(), found)
