"""The schema of a config: every key with its description, its rule and its default.

It stands in `schema.yaml`; other files have schemas of the same kind. All mistakes are collected,
each with its place, the rule, what stands there and what may stand.
"""

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from fwp.config.loading import merge
from fwp.config.messages import dotted, show
from fwp.config.parsing import MOST_NODES, load
from fwp.utils.suggest import suggestion

SCHEMA = Path(__file__).with_name("schema.yaml")
KINDS = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "boolean": "true or false",
    "object": "a mapping",
    "null": "null",
}


@cache
def rules(path: Path = SCHEMA) -> dict:
    """The schema as a dict."""
    return load(path)


def rule(section: str, key: str) -> dict | None:
    """What the schema says of a key of a section of the config; None if there is none."""
    part = _resolved(rules()["properties"][section], rules())
    found = part["properties"].get(key)
    if found is None:
        return None
    return {name: value for name, value in _resolved(found, rules()).items() if name != "$ref"}


def defaults(section: str | None = None) -> dict:
    """What the schema fills in for keys that are left out, in all or in a section of the config.

    Args:
        section: a key of the config, or a name among its `$defs`.
    """
    if section is None:
        return _defaults(rules())
    return _defaults({**rules()["$defs"], **rules()["properties"]}[section])


def _defaults(part: dict) -> dict:
    part = _resolved(part, rules())
    found = {}
    for key, entry in part.get("properties", {}).items():
        entry = _resolved(entry, rules())
        if "default" in entry and entry["default"] is None:  # nothing, also of what it may hold
            found[key] = None
        elif isinstance(inner := _defaults(entry), dict) and inner:
            found[key] = merge(inner, entry.get("default", {}))
        elif "default" in entry:
            found[key] = entry["default"]
    return found


def _resolved(part: dict, schema: dict) -> dict:
    if "$ref" not in part:
        return part
    return schema["$defs"][part["$ref"].rpartition("/")[2]] | part


@cache
def _validator() -> Any:
    """The class that compares values with schemas of our kind."""
    from jsonschema import Draft202012Validator, ValidationError, validators  # takes a while

    def is_integer(_, value):
        return isinstance(value, int) and not isinstance(value, bool)

    def is_number(_, value):
        return is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))

    base = Draft202012Validator
    types = base.TYPE_CHECKER.redefine_many({"integer": is_integer, "number": is_number})

    def pattern(_, rule, value, __):
        # An editor's $ is the end of the text; Python's may stand before a last line break.
        if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", rule), value):
            yield ValidationError(f"does not match {rule}")

    def items(validator, rule, value, part):
        most = part.get("maxItems", MOST_NODES)
        if isinstance(value, list) and len(value) <= most:  # else that is said, and no more
            yield from base.VALIDATORS["items"](validator, rule, value, part)

    def one_of_keys(_, keys, value, __):
        found = [key for key in keys if isinstance(value, dict) and key in value]
        if isinstance(value, dict) and len(found) != 1:
            given = f"got {' and '.join(found)}" if found else "none of them is there"
            yield ValidationError(f"must have exactly one of {', '.join(keys)}; {given}")

    own = {"needs": base.VALIDATORS["required"], "pattern": pattern, "items": items}
    own |= {"one_of_keys": one_of_keys}
    return validators.extend(base, own, type_checker=types)


def fault(part: dict, value: object) -> str | None:
    """What a part of the schema says against a value: the rule alone; None if it is allowed."""
    error = next(_validator()(part).iter_errors(value), None)
    return None if error is None else _rule(error)


def check(config: dict, path: Path = SCHEMA) -> tuple[dict, list[str]]:
    """Compare a config with the schema, or with another one in the file `path`.

    Returns:
        the config without what is wrong, and a line for every mistake.
    """
    validator = _validator()(rules(path))
    problems, wrong = [], []
    names: dict[str, list[str]] = {}  # by rule, those that break it
    errors = sorted(validator.iter_errors(config), key=lambda e: dotted(e.absolute_path))
    for error in errors:
        place = list(error.absolute_path)
        if tuple(place[2:]) in (("mixer",), ("language",)) or place[2:3] == ["files"]:
            wrong.append(place[:2])  # without it nothing can be said about the entry
        if error.validator == "additionalProperties":
            known = _resolved(error.schema, rules(path)).get("properties", {})
            for key in [key for key in error.instance if key not in known]:
                wrong.append([*place, key])
                problems.append(
                    f"{dotted([*place, key])}: unknown key{suggestion(key, known)}; allowed: "
                    + ", ".join(known)
                )
        elif "propertyNames" in error.absolute_schema_path:
            wrong.append([*place, error.instance])
            given = names.setdefault(f"{dotted(place)}: {_rule(error)}", [])
            given.append(show(error.instance))
        elif error.validator == "one_of_keys":
            wrong.append(place)
            problems.append(f"{dotted(place)}: {error.message}")
        elif error.validator in ("needs", "required"):
            for key in [key for key in error.validator_value if key not in error.instance]:
                hint = error.schema["properties"][key]["description"].partition(". ")[0].rstrip(".")
                problems.append(f"{dotted([*place, key])}: is missing. {hint}")
            if place:
                wrong.append(place)
        else:
            wrong.append(place)
            problems.append(f"{dotted(place)}: {_rule(error)}, got {show(error.instance)}")
    for rule, given in names.items():
        more = f" and {len(given) - 10} more" if len(given) > 10 else ""
        problems.append(f"{rule}, got {', '.join(given[:10])}{more}")
    return _without(config, wrong), problems


def _rule(error) -> str:
    value = error.validator_value
    if "message" in error.schema and error.validator != "type":
        return error.schema["message"]
    match error.validator:
        case "type":
            allowed = [value] if isinstance(value, str) else value
            return "must be " + " or ".join(KINDS[kind] for kind in allowed)
        case "enum":
            words = [v for v in value if isinstance(v, str)]
            names = ", ".join(show(v) if v is None else v for v in value)
            return f"must be one of {names}{suggestion(error.instance, words)}"
        case "minimum":
            return f"must be at least {value}"
        case "exclusiveMinimum":
            return f"must be greater than {value}"
        case "maximum":
            return f"must be at most {value}"
        case "exclusiveMaximum":
            return f"must be less than {value}"
        case "minItems" if error.schema.get("maxItems") == value:
            return f"must have {value} entries"
        case "maxItems" if error.schema.get("minItems") == value:
            return f"must have {value} entries"
        case "minItems" | "minProperties" | "minLength":
            return "must not be empty"
        case "maxItems" | "maxLength":
            return f"must have at most {value} entries"
    return f"must satisfy {error.validator}: {value}"


def _without(config: dict, places: list[list]) -> dict:
    """A copy without the given places; an entry of a list takes the list with it."""
    doomed = set()
    for place in places:
        keys = []
        for key in place:
            if isinstance(key, int):
                break
            keys.append(key)
        doomed.add(tuple(keys))

    def copy(value, at):
        if isinstance(value, dict):
            return {k: copy(v, (*at, k)) for k, v in value.items() if (*at, k) not in doomed}
        return value

    return copy(config, ())
