"""Reading a config: YAML files, one on top of another."""

import contextlib
import functools
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml


class ConfigError(ValueError):
    """Mistakes in a config; `problems` holds one line for each, `source` names the config."""

    def __init__(self, problems: Iterable[str], source: str = "the config"):
        self.source = source
        # Half a character, which YAML can hold, cannot be printed.
        lines = (line.encode("utf-8", "backslashreplace").decode() for line in problems)
        self.problems = list(dict.fromkeys(lines))
        count = "a mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__("\n  ".join([f"{source} has {count}:", *self.problems]))


def read_config(*paths: str | Path, changes: Sequence[str] = (), top: dict | None = None) -> dict:
    """Read configs, later ones on top of earlier ones.

    `extends: FILE` in a config loads FILE (beside it, or in the current folder) below it. Mappings
    are merged key by key; everything else replaces what stood there.

    Args:
        paths: YAML files.
        changes: "training.epochs=5" and the like, on top of the files; the value is YAML.
        top: a config on top of all, as `snakemake --config` has it: with text for all values.

    Raises:
        ConfigError: a file cannot be read. Whether the keys make sense is `Experiment`'s matter.
    """
    layers = [layer for path in paths for layer in _layers(Path(path), ())]
    for change in changes:
        place, equals, text = change.partition("=")
        keys = place.strip().split(".")
        if not equals or not all(keys):
            raise ConfigError([f"must read key.key=value, got {change!r}"], "a change")
        value = parse(text, change)
        for key in reversed(keys):
            value = {key: value}
        layers.append(value)
    config = functools.reduce(merge, [*layers, _typed(top or {})], {})
    _check_removals(config, layers, " + ".join(map(str, paths)))
    return config


def _check_removals(config: dict, layers: Sequence[dict], source: str) -> None:
    """ConfigError where null removes a model or task that is in none of the layers."""
    problems = []
    for kind in ("models", "tasks"):
        given = [layer[kind] for layer in layers if isinstance(layer.get(kind), dict)]
        for name, entry in config[kind].items() if isinstance(config.get(kind), dict) else ():
            if entry is None and not any(names.get(name) is not None for names in given):
                problems.append(
                    f"{dotted([kind, name])}: is empty; null removes an entry of a config that "
                    "this one extends, and there is none of this name"
                )
    if problems:
        raise ConfigError(problems, source)


def _typed(value: object) -> object:
    """Numbers, true, false and null in place of the texts that stand for them."""
    if isinstance(value, dict):
        return {key: _typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_typed(entry) for entry in value]
    return parse(value, value) if isinstance(value, str) else value


def merge(below: dict, above: dict) -> dict:
    """`above` on top of `below`, mappings merged key by key; both stay as they are."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def without_removed(config: dict, source: str) -> dict:
    """The config without models and tasks that are null, and without their overrides.

    Raises:
        ConfigError: it is no mapping.
    """
    if not isinstance(config, dict):
        raise ConfigError([f"it must hold keys and values, got {show(config)}"], source)
    config, removed = dict(config), {}
    for kind in ("models", "tasks"):
        entries = config.get(kind)
        removed[kind] = set()
        if isinstance(entries, dict):
            removed[kind] = {name for name, entry in entries.items() if entry is None}
            config[kind] = {name: entry for name, entry in entries.items() if entry is not None}
    overrides = config.get("overrides")
    if isinstance(overrides, dict):
        config["overrides"] = {
            model: {t: entry for t, entry in tasks.items() if t not in removed["tasks"]}
            if isinstance(tasks, dict)
            else tasks
            for model, tasks in overrides.items()
            if model not in removed["models"]
        }
    return config


def _layers(path: Path, chain: tuple[Path, ...]) -> list[dict]:
    """The config in a file, and before it those that it extends."""
    config = load(path)
    if "extends" not in config:
        return [config]
    base, chain = config.pop("extends"), (*chain, path.resolve())
    if not isinstance(base, str):
        raise ConfigError([f"extends: must be the name of a file, got {show(base)}"], str(path))
    candidates = [path.parent / base, Path(base)]
    found = next((c for c in candidates if c.is_file() and c.resolve() != path.resolve()), None)
    if found is None:
        raise ConfigError([f"extends: there is no file {base}"], str(path))
    if found.resolve() in chain:
        raise ConfigError([f"extends: {base} extends this file in turn"], str(path))
    return [*_layers(found, chain), config]


# YAML ---------------------------------------------------------------------------------------------


_EXPONENT = r"[eE][-+]?[0-9]+"
_SIGNED = list("-+.0123456789")
_RESOLVERS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", _SIGNED),
    ("float", rf"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)({_EXPONENT})?", _SIGNED),
    ("float", rf"[-+]?[0-9]+{_EXPONENT}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", _SIGNED),
    ("merge", r"<<", ["<"]),
)


def _mapping(loader: Any, node: yaml.MappingNode) -> dict:
    """A mapping whose keys are text, each given once."""
    seen: dict = {}
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        name, line = key.value, key.start_mark.line + 1
        if key.tag != "tag:yaml.org,2002:str":
            raise yaml.MarkedYAMLError(
                problem=f'keys are text: write "{name}" in quotes', problem_mark=key.start_mark
            )
        if name in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {name!r} stands here a second time (first in line {seen[name]})",
                problem_mark=key.start_mark,
            )
        seen[name] = line
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _loader(base: type) -> type:
    """PyYAML's loader `base`, for YAML as most people read it.

    1e-3 is a number; yes, no, on and off are words; a key given twice is a mistake.
    """

    class Loader(base):
        yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's way

    for tag, pattern, first in _RESOLVERS:
        Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first
        )
    Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
    return Loader


_QUICK = _loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # ten times as fast
_LOADER = _loader(yaml.SafeLoader)  # better messages


def load(path: Path) -> dict:
    """The mapping in a YAML file.

    Raises:
        ConfigError: it cannot be read, is not YAML, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = "there is no such file" if not path.exists() else error.strerror
        raise ConfigError([f"it cannot be read: {reason}"], str(path)) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"it is not UTF-8 text: {error.reason}"], str(path)) from None
    config = parse(text, str(path))
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ConfigError([f"it must hold keys and values, got {show(config)}"], str(path))
    return config


def parse(text: str, source: str) -> object:
    """The value that a YAML text holds; ConfigError if it is not YAML."""
    with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError):
        return yaml.load(text, Loader=_QUICK)
    try:
        return yaml.load(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = " ".join(filter(None, [error.context, error.problem]))
        raise ConfigError([f"{place}{reason}"], source) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([f"it is not YAML: {error}".splitlines()[0]], source) from None


# Messages -----------------------------------------------------------------------------------------


PLAIN = re.compile(r"[\w+-]+")  # keys that need no quotes


def dotted(place: Iterable) -> str:
    """A place in the config as it is written in messages: models.deltanet.heads."""
    text = ""
    for key in place:
        name = str(key) if PLAIN.fullmatch(str(key)) else show(key)
        text += f"[{key}]" if isinstance(key, int) else f".{name}" if text else name
    return text or "the config"


def show(value: object) -> str:
    """A value as it might stand in the config, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
