"""Reading a config: YAML files, one on top of another."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fwp.config import changes as own
from fwp.config.messages import ConfigError, dotted, show
from fwp.config.parsing import load, parse
from fwp.utils.source import is_file

MOST_BASES = 50


def read_config(
    *paths: str | Path,
    given: dict | None = None,
    changes: Sequence[str] = (),
    top: dict | None = None,
) -> dict:
    """Read configs, later ones on top of earlier ones.

    `extends: FILE` in a config loads FILE (beside it, or in the current folder) below it. Mappings
    are merged key by key; everything else replaces what stood there.

    Args:
        paths: YAML files.
        given: a config that is read already, on top of the files.
        changes: "training.epochs=5" and the like, on top of the files; the value is YAML.
        top: a config on top of all, as `snakemake --config` has it: with text for all values. Its
            key `set` holds changes, on top of the other keys.

    In changes and in `top`, names in place of all models or tasks choose some of them, as `only`
    does: `models=srwm,lstm`.

    Raises:
        ConfigError: a file cannot be read. Whether the keys make sense is `Experiment`'s matter.
    """
    layers = [layer for path in paths for layer in _layers(Path(path), ())]
    layers += [given] if given else []
    layers += map(_choosing, own.layers(list(changes)))
    top = dict(top or {})
    given = top.pop("set", [])
    layers += map(_choosing, [_typed(top), *own.layers(given)])
    config = functools.reduce(merge, layers, {})
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


def _choosing(layer: dict) -> dict:
    """The layer with names in place of models or tasks as its `only`."""
    chosen = {}
    for kind in ("models", "tasks"):
        match layer.get(kind):
            case str(text):
                chosen[kind] = [name.strip() for name in text.split(",")]
            case list(names):
                chosen[kind] = names
    rest = {key: value for key, value in layer.items() if key not in chosen}
    return merge(rest, {"only": chosen}) if chosen else layer


def _typed(value: Any) -> Any:
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
    """The config without models and tasks that are null, their overrides and spaces of a search.

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
    search = config.get("search")
    if isinstance(search, dict) and isinstance(search.get("models"), dict):
        own = {m: space for m, space in search["models"].items() if m not in removed["models"]}
        config["search"] = search | {"models": own}
    return config


def _layers(path: Path, chain: tuple[Path, ...]) -> list[dict]:
    """The config in a file, and before it those that it extends."""
    config = load(path)
    if "extends" not in config:
        return [config]
    base, chain = config.pop("extends"), (*chain, path.resolve())
    if not isinstance(base, str):
        raise ConfigError([f"extends: must be the name of a file, got {show(base)}"], str(path))
    if len(chain) > MOST_BASES:
        raise ConfigError([f"extends: at most {MOST_BASES} files extend each other"], str(path))
    candidates = [path.parent / base, Path(base)]
    found = next((c for c in candidates if is_file(c) and c.resolve() != path.resolve()), None)
    if found is None:
        raise ConfigError([f"extends: there is no file {show(base)[1:-1]}"], str(path))
    if found.resolve() in chain:
        raise ConfigError([f"extends: {base} extends this file in turn"], str(path))
    return [*_layers(found, chain), config]
