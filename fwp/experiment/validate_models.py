"""Checking a config's models: mixers, their options, and what has to fit together.

Every function yields one line per mistake, as `fwp.experiment.validate` says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from fwp.config.messages import dotted, show
from fwp.config.settings import AUXILIARY
from fwp.datasets.recognition.task import NEGATIVES
from fwp.experiment.resolve import (
    MODEL_KEYS,
    SHOWN,
    given_model,
    given_size,
    given_training,
    model_place,
    place,
    recognises,
    section,
)
from fwp.experiment.resources import gpus_per_job
from fwp.mixers._signature import Signature, SignatureError, read_signature
from fwp.utils.suggest import suggestion

Signatures = Mapping[str, Signature]
"""Of the mixer of each model."""


def signatures(
    models: dict[str, dict], folders: Sequence[str]
) -> tuple[dict[str, Signature], dict[str, str]]:
    """Signatures of the models' mixers, and a line for every model without one."""
    found: dict[str, Signature] = {}
    unknown: dict[str, str] = {}
    read: dict[str, Signature | SignatureError] = {}
    for model, entry in models.items():
        mixer = entry["mixer"]
        if mixer not in read:
            try:
                read[mixer] = read_signature(mixer, folders)
            except SignatureError as error:
                read[mixer] = error
        if isinstance(signature := read[mixer], Signature):
            found[model] = signature
        else:
            unknown[model] = f"models.{model}.mixer: {signature}, got {show(mixer)}"
    return found, unknown


def mixer(entry: dict, signature: Signature, where: str) -> Iterator[str]:
    """Options that the mixer does not have, or lacks, or that are of the wrong type."""
    given = {key: value for key, value in entry.items() if key not in SHOWN}
    yield from options(signature, given, where, ("training", *MODEL_KEYS, *SHOWN))
    for option in signature.options.values():
        if option.required and option.name not in entry:
            yield f"{where}.{option.name}: is missing; the mixer {entry['mixer']} needs it"
        if option.name in ("training", *MODEL_KEYS, "title"):
            yield (
                f"{where}.mixer: {entry['mixer']} has an option {option.name}, but that is a key "
                "of every model, so that the option could not be given; rename it"
            )


def options(signature: Signature, entry: dict, where: str, keys: tuple[str, ...]) -> Iterator[str]:
    """Options that the mixer does not have or that are of the wrong type; `keys` are no options."""
    allowed = [*keys, *signature.options]
    for key, value in entry.items():
        if key in MODEL_KEYS or key == "training":
            continue
        if key not in signature.options:
            known = ", ".join(signature.options) or "none"
            yield (
                f"{where}.{key}: unknown key{suggestion(key, allowed)}; allowed: "
                f"{', '.join(keys)}; options of the mixer: {known}"
            )
        elif (rule := signature.options[key].fault(value)) is not None:
            yield f"{where}.{key}: {rule}, got {show(value)}"


def gpu(config: dict, models: Iterable[str]) -> Iterator[str]:
    """Layers of flash-linear-attention where jobs get no GPU."""
    device = config["compute"]["device"]
    for model in models:
        mixer = config["models"][model]["mixer"]
        if mixer.startswith("fla.") and not gpus_per_job(device):
            yield (
                f"models.{model}.mixer: {mixer} runs only on a GPU, but compute.device = "
                f"{device} gives jobs none here; allowed: another mixer, or "
                "compute.device: cuda for jobs that get one elsewhere"
            )


def gradient(config: dict, models: Iterable[str]) -> Iterator[str]:
    """Gradients that cannot be computed, at the first task of a model."""
    yield from _rtrl(config, models)
    for model in models:
        faults = (line for task in config["tasks"] for line in _truncated(config, model, task))
        yield from islice(faults, 1)


def _truncated(config: dict, model: str, task: str) -> Iterator[str]:
    """Truncated back-propagation without a length, or a length without it."""
    given, where = given_training(config, model, task), f"models.{model}"
    if given["gradient"] != "tbptt":
        if given["truncation"] is not None:
            yield (
                f"{where}: training.truncation (task {task}) is for training.gradient = tbptt "
                f"alone, got {given['gradient']}"
            )
    elif given["truncation"] is None:
        yield f"{where}: training.gradient = tbptt (task {task}) needs training.truncation"
    elif dropout := given_model(config, model, task)["dropout"]:
        where = model_place(config, model, task, "dropout")
        yield f"{where}: training.gradient = tbptt (task {task}) needs 0, got {show(dropout)}"


def _rtrl(config: dict, models: Iterable[str]) -> Iterator[str]:
    """What `fwp.training.rtrl` cannot do."""
    needed = {"mixer": ("elstm",), "layers": (1,), "wiring": (None, "plain"), "dropout": (0,)}
    for model in models:
        for task in config["tasks"]:
            given = given_model(config, model, task)
            wrong = [key for key, allowed in needed.items() if given[key] not in allowed]
            if wrong and given_training(config, model, task)["gradient"] == "rtrl":
                for key in wrong:
                    where = model_place(config, model, task, key)
                    yield (
                        f"{where}: training.gradient = rtrl (task {task}) needs "
                        f"{show(needed[key][-1])}, got {show(given[key])}; allowed here: bptt"
                    )
                break


def auxiliary(config: dict, models: Iterable[str]) -> Iterator[str]:
    """Losses beside that of recognition where they cannot count, once per place."""
    found: dict[str, None] = {}
    for model in models:
        for task, entry in config["tasks"].items():
            given = given_training(config, model, task)
            if not recognises(entry):
                rule = f"needs a task with strings: {' or '.join(NEGATIVES)}, {task} is none"
            elif given["gradient"] != "bptt":
                rule = f"needs training.gradient = bptt, got {show(given['gradient'])}"
            else:
                continue
            for key in AUXILIARY:
                places = _searched(config, model, key)
                if given[key]:
                    owns = (("overrides", model, task), ("tasks", task), ("models", model), ())
                    own = next(own for own in owns if key in section(config, *own, "training"))
                    places.append(dotted([*own, "training", key]))
                found |= {f"{where}: {rule}": None for where in places}
    yield from found


def _searched(config: dict, model: str, key: str) -> list[str]:
    """Where a search is told to choose a setting of a model's training."""
    search = config["search"] or {"space": {}, "models": {}}
    return [
        dotted(["search", *own, "training", key])
        for own in (("space",), ("models", model))
        if key in (section(search, *own, "training") or {})
    ]


def sizes(config: dict, models: Iterable[str]) -> Iterator[str]:
    """Widths beside a number of parameters that the width is solved from, once per place."""
    found: dict[str, None] = {}
    for model in models:
        for task in config["tasks"]:
            if given_model(config, model, task)["parameters"] is None:
                continue
            for own in (("models", model), ("tasks", task, "model"), ("overrides", model, task)):
                if "hidden" in section(config, *own):
                    found[dotted([*own, "hidden"])] = None
    for where in found:
        yield (
            f"{where}: the width is solved from parameters; allowed: one of the two, and "
            "parameters: null beside a width of its own"
        )


def products(config: dict, models: Iterable[str]) -> Iterator[str]:
    """Matrix products in bfloat16 where jobs get no GPU, at the first task of a model."""
    device = config["compute"]["device"]
    if gpus_per_job(device):
        return
    for model in models:
        for task in config["tasks"]:
            if (given := given_training(config, model, task)["matmul"]) != "float32":
                yield (
                    f"models.{model}: training.matmul = {given} (task {task}) needs a GPU, but "
                    f"compute.device = {device} gives jobs none here; allowed on a CPU: float32"
                )
                break


def heads(config: dict, signatures: Signatures) -> Iterator[str]:
    """Numbers of heads that do not divide the width."""
    for model, signature in signatures.items():
        if "heads" not in signature.options:
            continue
        for task in config["tasks"]:
            if given_size(config, model, task) is not None:
                continue  # the width is solved, as a multiple of the heads
            given = given_model(config, model, task)
            heads, hidden = given.get("heads"), given["hidden"]
            if heads is None:
                heads = signature.options["heads"].default
            if type(heads) is not int or (heads > 0 and hidden % heads == 0):
                continue
            divisors = [n for n in range(1, min(hidden, 1024) + 1) if hidden % n == 0]
            where = place(config, ("overrides", model, task), ("heads",))
            if where == "heads":
                where = place(config, ("models", model), ("heads",))
            if where == "heads":
                where = f"models.{model}.heads"
            width = f"hidden = {hidden}"
            for own in (("tasks", task, "model"), ("overrides", model, task)):
                if (given_at := place(config, own, ("hidden",))) != "hidden":
                    width = f"{given_at} = {hidden}"
            yield (
                f"{where}: must divide {width}, got {heads}; allowed: "
                f"{', '.join(map(str, divisors))}"
            )
