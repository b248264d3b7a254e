"""Checking what a search may try: settings that exist, with values that they may have.

Every function yields one line per mistake, as `fwp.experiment.validate` says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fwp.config import schema
from fwp.config.messages import dotted, show
from fwp.experiment.resolve import MODEL_KEYS, SHOWN
from fwp.mixers._signature import Option, Signature
from fwp.search import space
from fwp.search.seeds import FIRST
from fwp.utils.suggest import suggestion

LARGEST = 10**15  # number of an option; the schema bounds other settings
UNSEARCHED = ("mixer", "parameters", *SHOWN)


def spaces(
    search: dict, signatures: Mapping[str, Signature], known: Sequence[str]
) -> Iterator[str]:
    """Mistakes in `space`, and in the spaces of single models.

    Args:
        search: the section of the config, with all defaults.
        signatures: of models whose mixer is known.
        known: names of all models, also of those that have mistakes.
    """
    complete = len(signatures) == len(known)  # else an option may be of a mixer with a mistake
    shared = search["space"]
    yield from _space(shared, ("search", "space"), list(signatures.values()), complete)
    for model, given in search["models"].items():
        place = ("search", "models", model)
        if model not in known:
            yield f"{dotted(place)}: must be one of the models {', '.join(known)}" + suggestion(
                model, known
            )
        elif model in signatures:
            left = {key: value for key, value in given.items() if value is not None}
            left |= {key: None for key in given if key not in left and key not in shared}
            yield from _space(left, place, [signatures[model]], True)


def seeds(given: int | list[int]) -> Iterator[str]:
    """Seeds of the experiment that trials have."""
    largest = max(given) if isinstance(given, list) else given - 1
    if largest >= FIRST:
        yield f"seeds: must be below {FIRST}, where the seeds of a search begin, got {largest}"


def _space(given: dict, place: tuple, signatures: list[Signature], complete: bool) -> Iterator[str]:
    options: dict[str, list[Option]] = {}
    for signature in signatures:
        for option in signature.options.values():
            options.setdefault(option.name, []).append(option)
    for key, value in given.items():
        at = (*place, key)
        if key == "training":
            names = list((schema.rules()["$defs"]["training"])["properties"])
            for name, leaf in value.items():
                if name == "gradient":
                    yield f"{dotted([*at, name])}: is not searched; all compute the same gradient"
                elif (rule := schema.rule("training", name)) is not None:
                    yield from _leaf(leaf, dotted([*at, name]), rule, [])
                else:
                    yield (
                        f"{dotted([*at, name])}: unknown key{suggestion(name, names)}; allowed: "
                        + ", ".join(names)
                    )
        elif key in UNSEARCHED:
            yield f"{dotted(at)}: is not searched; add another entry to models instead"
        elif (rule := schema.rule("model", key)) is not None:
            yield from _leaf(value, dotted(at), rule, [])
        elif key in options:
            yield from _leaf(value, dotted(at), None, options[key])
        elif complete:
            keys = ("training", *(key for key in MODEL_KEYS if key not in UNSEARCHED))
            whose = "the mixer" if place[1] == "models" else "the mixers"
            yield (
                f"{dotted(at)}: unknown key{suggestion(key, [*keys, *options])}; allowed: "
                f"{', '.join(keys)}; options of {whose}: {', '.join(options) or 'none'}"
            )


def _leaf(given: Any, where: str, rule: dict | None, options: list[Option]) -> Iterator[str]:
    """Mistakes in the values of a setting, by the schema's rule or the options of mixers."""

    def faults(value: object) -> list[str]:
        if rule is not None:
            return [fault] if (fault := schema.fault(rule, value)) is not None else []
        return [fault for option in options if (fault := option.fault(value)) is not None]

    if isinstance(given, list):
        texts = [json.dumps(value, sort_keys=True) for value in given]
        for text in dict.fromkeys(text for text in texts if texts.count(text) > 1):
            yield (
                f"{where}: a value may be given once, {show(json.loads(text))} is given "
                f"{texts.count(text)} times"
            )
        for i, value in enumerate(given):
            for fault in faults(value):
                yield f"{where}[{i}]: {fault}, got {show(value)}"
    elif given is not None and {"low", "high"} <= given.keys():
        yield from _range(given, where, rule, options, faults)


def _range(given: dict, where: str, rule: dict | None, options: list[Option], faults) -> Iterator:
    if rule is not None:
        kinds = rule.get("type", ())
        kinds = {kinds} if isinstance(kinds, str) else set(kinds)
        numeric, whole = bool({"integer", "number"} & kinds), "number" not in kinds
    else:
        numeric = all(not o.choices and (not o.types or {int, float} & {*o.types}) for o in options)
        whole = any(int in o.types and float not in o.types for o in options)
    if not numeric:
        yield f"{where}: must be a list, because its values are no numbers, got {show(given)}"
        return
    low, high, step = given["low"], given["high"], given.get("step")
    wrong = False
    for key in ("low", "high", "step"):
        if key in given:
            value = given[key]
            found = faults(value) if key != "step" else []
            if abs(value) > LARGEST:
                found = [f"must be at most {LARGEST} in size"]
            elif key == "step" and whole and not isinstance(value, int):
                found = ["must be an integer, as the setting is"]
            wrong = wrong or bool(found)
            yield from (f"{where}.{key}: {fault}, got {show(value)}" for fault in found)
    if wrong:
        return
    if low >= high:
        yield f"{where}: low must be less than high, got {show(low)} and {show(high)}"
    elif step is not None and step > high - low:
        yield f"{where}.step: must be at most high - low = {show(high - low)}, got {show(step)}"
    if given.get("log") and low <= 0:
        yield f"{where}.low: must be greater than 0, because log is true, got {show(low)}"
    for key in ("log", "points"):
        if given.get(key) and step is not None:
            yield f"{where}: may have {key} or step, got both"


def fitted(search: dict, signatures: Mapping[str, Signature]) -> dict:
    """The section with what the mixers decide, written into the spaces of single models.

    An option in `space` is searched for the models whose mixer has it. Where a mixer takes any
    number, the ends of a range are floats.
    """
    models = dict(search["models"])
    for model, signature in signatures.items():
        own = space.flat(models.get(model, {}))
        for key, value in (space.flat(search["space"]) | own).items():
            if key.startswith("training.") or key in MODEL_KEYS:
                continue
            option = signature.options.get(key)
            if option is None:
                own[key] = None
            elif isinstance(value, dict) and float in option.types:
                ends = ("low", "high", "step")
                own[key] = value | {end: float(value[end]) for end in ends if end in value}
        models[model] = space.nested(own)
    return search | {"models": models}
