"""Which results an edit of a file touches, for every file of the package.

Mixers, ops, layers and languages are placed by rules, all other files by `PLACES`. A file that is
added must be placed too, so that an import in the wrong place cannot rerun what it should not.
"""

from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

import fwp
from fwp import languages, mixers
from fwp.experiment.fingerprint import ROOTS, files

PACKAGE = Path(fwp.__file__).parent
FILES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and path.suffix != ".pyc"
)
MODELS = "train evaluate trace automaton"  # whatever runs a model

# Mixers that use an op or a layer, beside that of the same name.
OPS = {
    "delta_rnn": "delta_rnn",
    "delta_rule": "delta_rnn deltanet deltaproduct gated_deltanet",
    "elementwise_lstm": "elstm rtrl",
    "elman": "elman",
    "generalised_delta_rule": "deltanet deltaproduct gated_deltanet kimi_delta mlstm rwkv7",
    "gru": "gru",
    "linear_attention": "linear_transformer",
    "lstm": "lstm",
    "mlstm": "mlstm",
    "recurrent_delta_rule": "recurrent_delta",
    "selective_scan": "selective_ssm",
    "self_reference": "srwm",
    "slstm": "slstm",
}
MAPPED = "delta_rnn deltanet linear_transformer retrieval"  # by feature maps of φ's
GATED = "deltanet deltaproduct gated_deltanet kimi_delta"
LAYERS = {
    **dict.fromkeys(("embedding", "feed_forward", "layer_norm", "linear"), MODELS),
    "causal_attention": "transformer",
    "cross_entropy": "bptt rtrl",
    **dict.fromkeys(("elu_plus_one", "feature_maps", "sum_normalise"), MAPPED),
    "initialisation": "deltanet linear_transformer recurrent_delta srwm",
    "input_decay": "deltaproduct gated_deltanet kimi_delta",
    "rms_norm": GATED,
    "short_convolution": f"{GATED} selective_ssm",
    "silu_l2": f"{MAPPED} deltaproduct gated_deltanet kimi_delta",
}
# Mixers and gradients that build on another mixer.
HEIRS = {"deltaproduct": "gated_deltanet", "elstm": "rtrl"}
SHARED = {"_recurrent": "elman gru lstm", "_fla": "", "_signature": "report"}
# Modules of languages that build on another module, and their own languages with them.
BASES = {
    "_patterns": "regex star_free tomita",
    "automaton": "counter_machine dfa dyck_k regex star_free tomita",
    "dyck": "dyck_k reset_dyck shuffle",
    "shuffle": "dyck_k",
    "regex": "star_free tomita",
    "tracking": "arithmetic navigation transduction word_problem",
}

PLACES = """
py.typed __main__.py api.py cli.py status/*: nothing
"""


@cache
def touched() -> dict[str, set[str]]:
    """What an edit of each file touches: stages, or mixers, languages and gradients alone."""
    found: dict[str, set[str]] = {file: set() for file in FILES}

    def add(paths: set[Path], name: str) -> None:
        for path in paths:
            found[path.relative_to(PACKAGE).as_posix()].add(name)

    for stage in ROOTS:
        add(files(stage), stage)
    parts = [("train", f"fwp.mixers.{name}", name) for name in mixers.names()]
    parts += [("evaluate", f"fwp.mixers.{name}", name) for name in mixers.names()]
    parts += [("train", f"fwp.training.{name}", name) for name in ("bptt", "rtrl")]
    parts += [("data", languages.module(name), f"language {name}") for name in languages.names()]
    for stage, module, name in parts:
        add(files(stage, module) - files(stage), name)
    return found


def of_module(module: str) -> set[str]:
    """The languages in a module of `fwp.languages`."""
    return {
        f"language {name}"
        for name in languages.names()
        if languages.module(name) == f"fwp.languages.{module}"
    }


def expected(file: str) -> set[str]:
    """What an edit of a file may touch, by rule or by table."""
    room, _, rest = file.partition("/")
    name = rest.partition("/")[0].removesuffix(".py")
    if room == "mixers" and name != "__init__":
        own = SHARED.get(name, f"{name} {HEIRS.get(name, '')}")
        return set(own.split())
    if room == "ops" and name in OPS:
        return set(OPS[name].split())
    if room == "nn" and name in LAYERS:
        return set(LAYERS[name].split())
    if room == "languages" and (of_module(name) or name in BASES):
        modules = [name, *BASES.get(name, "").split()]
        return set.union(*map(of_module, modules))
    lines = (line.split(":") for line in PLACES.strip().splitlines())
    places = [
        results for patterns, results in lines if any(fnmatch(file, p) for p in patterns.split())
    ]
    assert len(places) == 1, f"{file}: must be placed by one line of PLACES, is by {len(places)}"
    return set(places[0].split()) - {"nothing"}


@pytest.mark.parametrize("file", FILES)
def test_an_edit_touches_what_it_may(file):
    assert touched()[file] == expected(file)
