"""Whatever stands in a config, it is accepted or refused in one message that names the place."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment, load_experiment
from fwp.search.configured import search_settings
from fwp.search.sampling import Sampler
from fwp.search.settings import SearchSettings

BASE = {
    "results": "results",
    "partial": False,
    "seeds": [0, 7],
    "compute": {"device": "cpu", "seeds_per_job": 2, "jobs_per_gpu": 1},
    "data": {
        "train": {"min_length": 2, "max_length": 12, "count": 50},
        "validation": {"bins": [[2, 12], [13, 20]], "count": 5},
        "seed": 0,
    },
    "evaluation": {"bins": [[2, 12], [13, 20]], "count": 5},
    "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "betas": [0.9, 0.99]},
    "model": {"hidden": 8, "layers": 1, "feed_forward": 1, "wiring": None},
    "models": {
        "lstm": {"mixer": "lstm"},
        "delta": {"mixer": "deltanet", "heads": 2, "training": {"schedule": "cosine"}},
    },
    "tasks": {
        "parity": {"language": "parity", "training": {"epochs": 3}},
        "brackets": {"language": "bounded_dyck", "params": {"kinds": 2, "depth": 3}},
        "mine": {"language": "regex", "params": {"pattern": "(ab)*c?", "alphabet": "abc"}},
        "machine": {
            "language": "dfa",
            "params": {
                "start": "x",
                "accept": ["x"],
                "transitions": {"x": {"0": "x", "1": "y"}, "y": {"0": "y", "1": "x"}},
            },
        },
    },
    "claims": [],
    "analysis": {"models": ["lstm"], "tasks": None, "strings": 3},
    "overrides": {"delta": {"parity": {"hidden": 16}}},
    "search": {
        "trials": 3,
        "method": "random",
        "seeds": 2,
        "seed": 0,
        "halving": {"factor": 2, "epochs": 1},
        "budget": None,
        "space": {
            "hidden": [8, 16],
            "heads": {"low": 1, "high": 2},
            "layers": {"low": 1, "high": 5, "step": 2},
            "training": {
                "learning_rate": {"low": 1e-4, "high": 0.1, "log": True, "points": 3},
                "schedule": ["cosine"],
            },
        },
        "models": {"lstm": {"hidden": None, "training": {"batch_size": [4, 8]}}},
    },
}
WORDS = [
    "\ud800",
    "",
    " ",
    "0",
    "lstm",
    "parity",
    "../..",
    "a:b",
    "{x}",
    "\0",
    "é\u202e",
    "𝔘" * 90,
    "no",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 17, 10**5 + 1, 2**32, 2**63, -(10**30), 10**400]),
    st.sampled_from([0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), -1.5]),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value, at=()):
    """All places in a config."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in inner:
        yield (*at, key)
        if isinstance(entry, dict | list):
            yield from places(entry, (*at, key))


PLACES = list(places(BASE))


@st.composite
def configs(draw):
    """The config with one to three places changed, left out or added."""
    config = copy.deepcopy(BASE)
    for place in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        *way, last = place
        holder = config
        try:
            for key in way:
                holder = holder[key]
            holder[last]
        except (KeyError, IndexError, TypeError):
            continue  # changed already
        if isinstance(holder, str):
            continue  # so was this: text has places, too
        kind = draw(st.sampled_from(["change", "change", "change", "remove", "add"]))
        if kind == "change":
            holder[last] = draw(VALUES)
        elif kind == "remove":
            del holder[last]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS))] = draw(VALUES)
        else:
            holder.append(draw(VALUES))
    return config


def planned(experiment: Experiment) -> None:
    """What Snakemake asks for before any job starts."""
    next(experiment.jobs())
    for task in experiment.tasks:
        experiment.data_params(task)
        for model in experiment.models:
            found = search_settings(experiment.config, model, task)
            json.dumps(found and found.as_dict())
            drawn(found)
            json.dumps(experiment.cell(model, task).as_dict())


def drawn(found: SearchSettings | None) -> None:
    """A first trial."""
    if found is not None and found.method != "tpe":
        given = {"method": found.method, "trials": 1, "seed": found.seed}
        ((_, settings),) = Sampler(found.dimensions, **given).ask()
        assert settings.keys() == found.space.keys()


def check_message(error: ConfigError) -> None:
    assert error.problems
    for line in error.problems:
        place, colon, rule = line.partition(": ")
        assert colon and place.strip() and rule.strip(), line
        assert "Traceback" not in line and len(line) < 2000
    str(error).encode("utf-8")  # it can be printed


INSERTS = ["", "{", "]", ":", "- ", "&a ", "*a", "!!python/name:os.system ", "\t", "é", "\n"]
FUZZING = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def test_the_config_to_start_from_is_accepted():
    planned(Experiment(BASE))


@FUZZING
@given(configs())
def test_a_changed_config_is_accepted_or_refused_in_one_message(config):
    try:
        planned(Experiment(config))
    except ConfigError as error:
        check_message(error)


@settings(FUZZING, max_examples=150)
@given(st.data())
def test_changed_text_is_accepted_or_refused_in_one_message(tmp_path_factory, data):
    """Characters taken out of a config, put into it or doubled."""
    text = json.dumps(BASE, indent=1)
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(text)))
        put = data.draw(st.sampled_from(INSERTS))
        text = text[:i] + put + text[i + data.draw(st.integers(0, 3)) :]
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        planned(load_experiment(path))
    except ConfigError as error:
        check_message(error)


@pytest.mark.parametrize("change", ["training.epochs", "a.b=1", "=", "models=[", "seeds=!!set {}"])
def test_a_bad_change_is_one_message(change):
    with pytest.raises(ConfigError, match=r"has \w+ mistake"):
        load_experiment(changes=[change])
