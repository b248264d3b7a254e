"""The model of flash-linear-attention's layers, with stand-ins for them, on a CPU."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from tiny import cell as cell_of
from tiny import model as settings_of
from torch import nn

from fwp.benchmarks import fla_peer, peers

OPTIONS = {
    "linear_transformer": {"heads": 2},
    "deltanet": {"heads": 2, "conv_size": 4, "feature_map": "silu_l2"},
    "gated_deltanet": {"heads": 2, "conv_size": 0},
}
SIZE = {"batch": 2, "length": 3, "pack": 1, "symbols": 5}


def cell(mixer, **changes):
    options = OPTIONS.get(mixer, ())
    settings = settings_of(mixer, hidden=8, layers=2, feed_forward=2, options=options, **changes)
    return replace(cell_of(), model=settings)


@pytest.fixture
def made(monkeypatch):
    """What layers are asked for, in the order in which they are made."""
    asked = []

    class Layer(nn.Module):
        def __init__(self, **arguments):
            super().__init__()
            asked.append(arguments)
            self.w = nn.Linear(arguments["hidden_size"], arguments["hidden_size"])

        def forward(self, x):
            assert torch.is_autocast_enabled("cpu")
            return self.w(x), None, None

    for module, name, _ in fla_peer.LAYERS.values():
        path = f"fla.layers.{module}"
        monkeypatch.setitem(sys.modules, path, ModuleType(path))
        setattr(sys.modules[path], name, Layer)
    return asked


@pytest.mark.parametrize("mixer", OPTIONS)
def test_a_step_is_timed(mixer, made):
    found = fla_peer.seconds(cell(mixer).as_dict(), SIZE, 0.0, device="cpu")
    assert found["seconds"] > 0 and found["note"].startswith("compiled in")
    assert [layer["hidden_size"] for layer in made] == [8, 8]


def test_the_layers_are_those_of_the_model(made):
    for mixer in OPTIONS:
        fla_peer.Model(cell(mixer).model, 5)
    linear, delta, gated = made[::2]
    assert all(layer["num_heads"] == 2 for layer in made)
    assert linear["feature_map"] == "elu"
    assert (delta["qk_activation"], delta["qk_norm"], delta["use_short_conv"]) == (
        *("silu", "l2"),
        True,
    )
    assert (gated["head_dim"], gated["expand_v"], gated["use_short_conv"]) == (4, 1, False)


def test_other_models_are_refused(made):
    with pytest.raises(ValueError, match="no layer like lstm"):
        fla_peer.Model(cell("lstm").model, 5)
    with pytest.raises(ValueError, match="wired pre_norm, not post_norm"):
        fla_peer.Model(cell("deltanet", wiring="post_norm").model, 5)


def test_each_way_is_asked_of_one_seed_on_a_gpu_alone(monkeypatch):
    given = []

    def call(function, arguments, limit):
        given.append((function, arguments["way"], limit))
        reason = "more than 7 s" if arguments["way"] == "compile" else ""
        return peers.apart.Answer({"seconds": 2.0, "note": ""}, reason)

    monkeypatch.setattr(peers.apart, "call", call)
    sizes = [SIZE, SIZE | {"pack": 8}]
    (note,) = peers.fla_steps(cell("deltanet"), sizes, "cpu", 1.0, 7.0)
    assert "only on a GPU" in note["note"] and not given
    rows = list(peers.fla_steps(cell("deltanet"), sizes, "cuda", 1.0, 7.0))
    assert [row["way"] for row in rows] == ["eager", "compile"]
    assert rows[0]["seconds"] == 2.0 and rows[1]["note"] == "more than 7 s"
    assert given == [("fwp.benchmarks.fla_peer:seconds", way, 7.0) for way in ("eager", "compile")]
