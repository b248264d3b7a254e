"""Languages made at random in a config are accepted, or refused in a message with their place."""

import inspect
import random
import time
from pathlib import Path

import pytest

from fwp import languages
from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment

PRESETS = sorted((Path(__file__).parents[2] / "workflow" / "presets").glob("*.yaml"))
ODD = [
    "x",
    "",
    None,
    [],
    {},
    True,
    -1,
    0,
    0.5,
    1,
    7,
    10**30,
    float("nan"),
    "a\nb",
    ["a", 1],
    "é" * 99,
]
SHORT = {
    "data": {
        "train": {"min_length": 2, "max_length": 12, "count": 50},
        "validation": {"bins": [[2, 12]], "count": 5},
    },
    "evaluation": {"bins": [[2, 12], [13, 40]], "count": 5},
    "models": {"lstm": {"mixer": "lstm"}},
    "claims": [],
}


def answered(task: dict) -> bool:
    """Whether a task is accepted; a refusal must name its place, or a window."""
    began = time.process_time()
    try:
        Experiment(SHORT | {"tasks": {"t": task}}).dataset("t")
        return True
    except ConfigError as error:
        for line in error.problems:
            assert line.startswith(("tasks.t", "data.", "evaluation.")), line
            assert "not supported between" not in line and len(line) < 2000
        return False
    finally:
        assert time.process_time() - began < 5


def pattern(rng: random.Random, depth: int = 4) -> str:
    if depth == 0:
        return rng.choice(
            ["a", "b", ".", "[ab]", "[^a]", "()", "(?:)", "\\*", "", "a{3}", ")", "{"]
        )
    inner = pattern(rng, depth - 1)
    match rng.randrange(5):
        case 0:
            return f"({inner}|{pattern(rng, depth - 1)})"
        case 1:
            return inner + pattern(rng, depth - 1)
        case 2:
            return f"({inner})" + rng.choice(
                ["*", "+", "?", "{2}", "{0,9}", "{99}", "{2000}", "{,1}"]
            )
    return inner


def machine(rng: random.Random) -> dict:
    counters = rng.choice([1, 1, 1, 2, 3, 9])
    rows = []
    for _ in range(rng.randrange(1, 7)):
        tests = "".join(rng.choice("0+*") for _ in range(counters))
        actions = "".join(rng.choice("+-0") for _ in range(counters))
        rows.append([rng.choice("pqr"), rng.choice("ab"), tests, rng.choice("pqr"), actions])
    return {
        "transitions": rows,
        "start": rng.choice("pqr"),
        "accept": rng.sample("pqr", rng.randrange(3)),
        "labels": rng.choice(["member", "next", "state"]),
    }


def automaton(rng: random.Random) -> dict:
    states = "pqrst"[: rng.randrange(1, 6)]
    row = lambda: {s: rng.choice(states + "u" * (rng.random() < 0.1)) for s in "ab"}  # noqa: E731
    return {
        "transitions": {state: row() for state in states},
        "start": rng.choice(states),
        "accept": rng.sample(states, rng.randrange(len(states) + 1)),
    }


MAKERS = {
    "regex": lambda rng: {"pattern": pattern(rng), "alphabet": rng.choice(["", "ab", "ab*"])},
    "counter_machine": machine,
    "dfa": automaton,
}


@pytest.mark.parametrize("name", MAKERS)
def test_languages_of_ones_own(name):
    rng = random.Random(name)
    accepted = sum(answered({"language": name, "params": MAKERS[name](rng)}) for _ in range(60))
    assert 0 < accepted < 60


@pytest.mark.parametrize("name", languages.names())
def test_parameters_of_any_type(name):
    rng = random.Random(name)
    keys = list(inspect.signature(languages.find(name)).parameters)
    for key in keys:
        for value in rng.sample(ODD, 6):
            answered({"language": name, "params": {key: value}})
            if name in MAKERS:
                answered({"language": name, "params": MAKERS[name](rng) | {key: value}})


def test_changed_presets():
    """A value of a preset, whichever, by an odd one."""
    rng = random.Random(0)
    for path in PRESETS:
        for _ in range(2):
            config = read_config(path)
            place, holder = [], config
            while isinstance(holder, dict | list) and holder and (not place or rng.random() < 0.8):
                keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
                place.append((holder, rng.choice(keys)))
                holder = holder[place[-1][1]]
            inside, key = place[-1]
            inside[key] = rng.choice(ODD)
            began = time.process_time()
            try:
                next(Experiment(config).jobs())
            except ConfigError as error:
                assert len(str(error)) < 5000
            assert time.process_time() - began < 5
