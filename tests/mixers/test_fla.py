"""Layers of flash-linear-attention: with a package in its place, and with the real one on a GPU."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from fwp import mixers
from fwp.cli import main
from fwp.commands import check_fla
from fwp.config.messages import ConfigError
from fwp.experiment import fingerprint
from fwp.experiment.experiment import Experiment
from fwp.mixers import _fla, _signature
from fwp.models.pack import Pack

LAYERS = '''
import torch
from torch import nn


class Cumulative(nn.Module):
    """y_t = W (x_1 + … + x_t), with a state of two parts, one of them written into in place."""

    def __init__(self, hidden_size: int = 8, scale: float = 1.0, heads: int = None, mode="sum",
                 layer_idx: int = None, **kwargs):
        super().__init__()
        self.scale, self.layer_idx = scale, layer_idx
        self.w = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, use_cache=False,
                **kwargs):
        x = hidden_states.cumsum(1) * self.scale
        if past_key_values is not None:
            before = past_key_values[0] if len(past_key_values) else None
            if before is not None:
                x = x + before["recurrent_state"].unsqueeze(1)
                before["conv_state"][0].zero_()
            past_key_values.update(
                recurrent_state=x[:, -1], conv_state=(hidden_states[:, -1], None),
                layer_idx=self.layer_idx, offset=x.shape[1],
            )
        return self.w(x), None, past_key_values


class OneByOne(Cumulative):
    def forward(self, hidden_states, past_key_values=None, **kwargs):
        if past_key_values is not None and len(past_key_values) and hidden_states.shape[1] > 1:
            raise ValueError("decoding only supports a single new token per step")
        return super().forward(hidden_states, past_key_values=past_key_values, **kwargs)


class Forgetful(nn.Module):
    def __init__(self, hidden_size: int, width: int, *, layer_idx: int = None):
        super().__init__()
        self.w = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states, **kwargs):
        return self.w(hidden_states)


class Wide(Forgetful):
    def forward(self, hidden_states, past_key_values=None):
        return self.w(hidden_states)
'''
CACHE = """
class Cache:
    def __init__(self, seen_tokens=0):
        self.layers, self.seen = [], seen_tokens

    def __len__(self):
        return len(self.layers)

    def __getitem__(self, i):
        return self.layers[i]

    def update(self, recurrent_state=None, conv_state=None, layer_idx=0, offset=1):
        state = {"recurrent_state": recurrent_state, "conv_state": conv_state, "attn_state": None}
        self.layers[layer_idx:] = [state]
        self.seen += offset

    @classmethod
    def from_legacy_cache(cls, states, seen_tokens=0):
        cache = cls(seen_tokens)
        cache.layers = list(states)
        return cache
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that looks like flash-linear-attention and computes on the CPU."""
    for folder in ("fla", "fla/layers", "fla/models"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "fla/layers/__init__.py").write_text(
        "from .plain import Cumulative, Forgetful, OneByOne, Wide\n"
    )
    (tmp_path / "fla/layers/plain.py").write_text(LAYERS)
    (tmp_path / "fla/models/utils.py").write_text(CACHE)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "fla"]:
        monkeypatch.delitem(sys.modules, name)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "fla"]:
        del sys.modules[name]


@pytest.fixture
def on_cpu(monkeypatch):
    """Let the layers run where there is no GPU."""
    monkeypatch.setattr(_fla, "require_gpu", lambda *_: None)


@pytest.fixture
def x():
    return torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(0))


def config(mixer="fla.Cumulative", device="cuda", **options):
    return {
        "models": {"peer": {"mixer": mixer, "hidden": 8, **options}},
        "tasks": {"parity": {"language": "parity"}},
        "compute": {"device": device},
    }


def test_options_are_those_of_the_layer(package):
    found = _signature.read_signature("fla.Cumulative")
    assert list(found.options) == ["scale", "heads", "mode"]
    assert found.options["heads"].fault(None) is None and found.options["heads"].fault(2) is None
    assert found.options["scale"].fault("2") == "must be a number"
    assert _signature.read_signature("fla.Wide").options["width"].required
    # Nothing was imported.
    assert not [name for name in sys.modules if name.partition(".")[0] == "fla"]


def test_a_cell_holds_the_options_and_the_code_around_the_layer(package):
    experiment = Experiment(config(scale=2))
    cell = experiment.cell("peer", "parity")
    assert cell.model.mixer == "fla.Cumulative"
    assert cell.model.options == {"scale": 2.0, "heads": None, "mode": "sum"}
    assert "fwp.mixers._fla" in fingerprint.modules("train", experiment.signature("peer").module)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (config("fla.Cumulativ"), r"it has Cumulative, .* \(did you mean 'Cumulative'"),
        (config(scales=2), r"models.peer.scales: unknown key \(did you mean 'scale'"),
        (config(device="cpu"), r"models.peer.mixer: fla.Cumulative runs only on a GPU, but "
         r"compute.device = cpu"),
        (config("fla.Wide"), "models.peer.width: is missing"),
        (config("fla.Forgetful"), "models.peer.mixer: names a layer that keeps no state"),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_anything_runs(package, settings, message):
    with pytest.raises(ConfigError, match=message):
        Experiment(settings)


def test_without_the_package_errors_name_the_extra(monkeypatch):
    monkeypatch.setattr(_signature.source, "find", lambda *_: None)
    with pytest.raises(ConfigError, match=r"models.peer.mixer: names a layer .*'fwp-lab\[fla\]'"):
        Experiment(config("fla.GatedDeltaNet"))
    monkeypatch.setitem(sys.modules, "fla.layers", None)
    with pytest.raises(ValueError, match=r"needs the package .* pip install 'fwp-lab\[fla\]'"):
        mixers.get("fla.GatedDeltaNet")


def test_a_layer_that_is_not_there_is_named(package):
    with pytest.raises(ValueError, match="has no layer 'Gated'"):
        mixers.get("fla.Gated")


@pytest.mark.parametrize("name", ["Cumulative", "OneByOne"])
def test_streamed_equals_whole_and_states_stay_as_they_were(package, on_cpu, x, name):
    mixer = mixers.get(f"fla.{name}")(8, scale=2.0).eval()
    whole, end = mixer(x)
    first, state = mixer(x[:, :4])
    kept = [part.clone() for part in state]
    second, after = mixer(x[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole, rtol=2e-2, atol=2e-2)
    assert whole.dtype == x.dtype and (after.seen, end.seen) == (9, 9)
    assert len(state) == 2 and all(map(torch.equal, state, kept))


def test_training_keeps_no_state(package, on_cpu, x):
    y, state = mixers.get("fla.Cumulative")(8)(x)
    assert state is None
    y.sum().backward()


def test_a_layer_without_a_state_is_refused(package, on_cpu, x):
    mixer = mixers.get("fla.Forgetful")(8, width=1).eval()
    with pytest.raises(NotImplementedError, match=r"mixer 'fla.Forgetful' keeps no state"):
        mixer(x)


def test_a_cpu_is_refused(package, x):
    with pytest.raises(RuntimeError, match=r"'fla.Cumulative' runs only on a GPU \(compute.device"):
        mixers.get("fla.Cumulative")(8)(x)


def test_all_layers_are_tried_each_in_its_own_process(package, on_cpu, capsys, monkeypatch):
    def child(command, **_):
        asked = json.loads(command[-1])
        if asked["name"] == "Forgetful":
            raise subprocess.TimeoutExpired(command, 2)
        if asked["name"] == "Wide":
            return subprocess.CompletedProcess(command, -11, "", "noise\nillegal | access\n")
        check_fla._child(command[-1])
        return subprocess.CompletedProcess(command, 0, "noise\n" + capsys.readouterr().out, "")

    layers = ["Cumulative", "OneByOne", "Forgetful", "Wide"]
    monkeypatch.setattr(check_fla, "layers", lambda: layers)
    monkeypatch.setattr(check_fla.subprocess, "run", child)
    monkeypatch.setattr(check_fla, "small", lambda name: {"width": 1} if name == "Wide" else {})
    assert main(["check", "fla", "--jobs", "1"]) == 0
    first, _, head, rule, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith(f"1 of 4 layers pass on cpu, PyTorch {torch.__version__}")
    assert head.startswith("| layer | streamed = whole | padded = alone | causal | long strings |")
    assert rule.startswith("| --- | :-: |")
    assert [row.split(" | ")[0] for row in rows] == [f"| `fla.{name}`" for name in layers]
    assert rows[0] == "| `fla.Cumulative` | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | 1.00 |  |"
    assert rows[1].endswith("| 1.00 | repeatable: the input is written into |")
    assert rows[2].endswith("| not within 150 s |")
    assert rows[3].endswith("| the process ended by signal 11: illegal \\| access |")


def test_what_fails_in_a_layer_is_its_remark(package, capsys):
    check_fla._child(json.dumps({"name": "Cumulative", "device": "cpu", "learn": False,
                                 "settings": {"scale": 2.0}}))  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    assert check_fla._remark(found).startswith("shapes: RuntimeError: mixer 'fla.Cumulative' runs")
    (row,) = check_fla.table({"Cumulative": found}).splitlines()[4:]
    assert row.startswith("| `fla.Cumulative` |  |  |  |  |  |  |  | shapes: RuntimeError")


def test_options_make_a_layer_small(package):
    assert check_fla.small("Cumulative") == {}
    assert check_fla.try_layer("Forgetful", "cpu", 9) == {
        "error": "names a layer that keeps no state, without which strings cannot be read piece by "
        "piece"
    }


class Model(nn.Module):
    def __init__(self, mixer):
        super().__init__()
        self.embedding, self.mixer = nn.Embedding(3, 8), mixer

    def forward(self, tokens, state=None):
        return self.mixer(self.embedding(tokens), state)


def test_packs_go_model_by_model(package, on_cpu):
    nets = [Model(mixers.get("fla.Cumulative")(8)).eval() for _ in range(2)]
    with pytest.warns(RuntimeWarning, match="one after another.*flash-linear-attention compute"):
        pack = Pack(nets)
    tokens = torch.randint(3, (2, 4, 6))
    logits, state = pack(tokens)
    again, _ = pack(tokens, state)
    assert logits.shape == again.shape == (2, 4, 6, 8)
    torch.testing.assert_close(logits[1], nets[1](tokens[1])[0])


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["GatedDeltaNet", "DeltaNet", "GatedLinearAttention", "Mamba2"])
def test_the_real_package(name):
    pytest.importorskip("fla")
    torch.manual_seed(0)
    options = {"num_heads": 2} | ({"head_dim": 64} if name in ("GatedDeltaNet", "Mamba2") else {})
    mixer = mixers.get(f"fla.{name}")(64, **options).cuda()
    x = torch.randn(2, 96, 64, device="cuda")
    try:
        mixer(x)[0].sum().backward()
    except RuntimeError as error:  # its kernel for gated layers, on Hopper with Triton 3.4 to 3.7.0
        if "upgrade Triton" not in str(error):
            raise
        pytest.skip(str(error))
    assert all(p.grad.isfinite().all() for p in mixer.parameters())
    mixer.eval()
    with torch.no_grad():
        whole, _ = mixer(x)
        first, state = mixer(x[:, :70])
        second, _ = mixer(x[:, 70:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole, rtol=5e-2, atol=5e-2)
