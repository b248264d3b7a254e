"""YAML as most people read it: 1e-3 is a number, yes and on are words, no key is given twice."""

import contextlib
import re
from pathlib import Path
from typing import Any

import yaml

from fwp.config.messages import ConfigError, show

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
    """PyYAML's loader `base`, with the rules of this file."""

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
        reason = error.strerror
        if not path.exists():
            reason = (
                f"there is no such file here ({Path.cwd()}); fwp takes another one with --config, "
                "snakemake with --configfile"
            )
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
