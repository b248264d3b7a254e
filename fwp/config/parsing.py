"""YAML as most people read it: 1e-3 is a number, yes and on are words, no key is given twice."""

import contextlib
import re
from pathlib import Path
from typing import Any

import yaml

from fwp.config.messages import ConfigError, show

MOST_CHARACTERS = 5_000_000
MOST_NODES = 250_000  # keys and values; what stands for others (*name) counts as these
LONG = 100_000  # characters, from which on the quick loader's messages must do

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


class _TooLargeError(Exception):
    """More keys and values than a config may have."""


def _check_size(root: yaml.Node | None) -> None:
    """Count keys and values, those that *name stands for every time, before they are made."""
    sizes: dict[int, int] = {}
    open_: set[int] = set()
    waiting = [root] if root is not None else []
    while waiting:
        node = waiting[-1]
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in inner for part in pair]
        if id(node) not in open_ and id(node) not in sizes:
            open_.add(id(node))
            for part in inner:
                if id(part) in open_:
                    line = part.start_mark.line + 1
                    raise _TooLargeError(
                        f"line {line}: a recursive *name: what &name names must not contain it"
                    )
            waiting += [part for part in inner if id(part) not in sizes]
            continue
        waiting.pop()
        open_.discard(id(node))
        sizes[id(node)] = 1 + sum(sizes[id(part)] for part in inner)
        if sizes[id(node)] > MOST_NODES:
            raise _TooLargeError(
                f"it must have at most {MOST_NODES:,} keys and values, it has more; each *name "
                "counts as all that it stands for"
            )


def _loader(base: type) -> type:
    """PyYAML's loader `base`, with the rules of this file."""

    class Loader(base):
        yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's way

        def get_single_node(self):
            node = super().get_single_node()
            _check_size(node)
            return node

    for tag, pattern, first in _RESOLVERS:
        Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})\\Z"), first
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
    if len(text) > MOST_CHARACTERS:
        rule = f"it must have at most {MOST_CHARACTERS:,} characters, it has {len(text):,}"
        raise ConfigError([rule], source)
    loader = _QUICK
    try:
        if len(text) < LONG:
            loader = _LOADER
            with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError):
                return yaml.load(text, Loader=_QUICK)
        return yaml.load(text, Loader=loader)
    except _TooLargeError as error:
        raise ConfigError([str(error)], source) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = " ".join(filter(None, [error.context, error.problem]))
        raise ConfigError([f"{place}{reason}"], source) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([f"it is not YAML: {error}".splitlines()[0]], source) from None
