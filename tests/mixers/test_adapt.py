"""Any module as a mixer: recurrent layers, plain modules and functions that build them."""

import re
import sys
import warnings

import pytest
import tiny
import torch
from torch import nn

import fwp
from fwp import mixers
from fwp.config.messages import ConfigError
from fwp.experiment import fingerprint
from fwp.experiment.experiment import Experiment
from fwp.mixers import MixerError, _adapt
from fwp.mixers._signature import SignatureError, read_signature
from fwp.models.check import check
from fwp.models.contract import require_contract
from fwp.models.pack import Pack

FILE = '''
import fwp
from torch import nn


class Average(nn.Module):
    """The mean of the last symbols; no state, no contract."""

    title = "Moving average"

    def __init__(self, width, symbols: int = 3, bias=True):
        super().__init__()
        self.mix, self.symbols = nn.Conv1d(width, width, symbols, bias=bias), symbols

    def forward(self, x):
        return self.mix(nn.functional.pad(x.mT, (self.symbols - 1, 0))).mT


class Own(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gru = nn.GRU(width, width, 2, batch_first=True)

    def forward(self, x, hx=None):
        return self.gru(x, hx)


def build(width, *, depth: int = 1):
    return nn.LSTM(width, width, depth, batch_first=True)


short = lambda width, size=2: Average(width, size)
whole = fwp.adapt(build, state=False)
given = fwp.adapt(nn.GRU, wiring="plain")


def nothing(*, depth=1):
    return nn.Identity()
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "plain_nets.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("plain_nets", None)


class Dictionary(nn.Module):
    """The sum so far and how many there were, in a dict; the batch is last, or is not there."""

    def __init__(self, width: int):
        super().__init__()
        self.w = nn.Linear(width, width)

    def forward(self, x, cache=None):
        cache = cache or {"sum": x.new_zeros(x.shape[-1], len(x)), "count": x.new_zeros(())}
        total = self.w(x).cumsum(1) + cache["sum"].mT.unsqueeze(1)
        count = cache["count"] + torch.arange(1, x.shape[1] + 1, dtype=x.dtype)
        after = {"sum": total[:, -1].mT, "count": count[-1], "unused": None}
        return total / count.unsqueeze(-1), after


class Weights(nn.Module):
    """Attention, which returns its weights beside the output."""

    def __init__(self, width: int):
        super().__init__()
        self.layer = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, x, mask=None):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return self.layer(x, x, x, attn_mask=mask)


RECURRENT = {
    "gru": nn.GRU,
    "lstm": nn.LSTM,
    "rnn of two layers": lambda width: nn.RNN(width, width, 2, batch_first=True),
    "dict": Dictionary,
}


@pytest.mark.parametrize("kind", RECURRENT.values(), ids=RECURRENT)
def test_a_state_is_carried_wherever_the_batch_is(kind):
    mixer = _adapt.as_mixer(kind)(6).eval()
    x = torch.randn(4, 7, 6)
    whole, _ = mixer(x)
    first, state = mixer(x[:, :3])
    second, _ = mixer(x[:, 3:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)
    assert isinstance(state, tuple) and {len(part) for part in state} == {4}
    chosen = tuple(part[[2]] for part in state)  # a string goes on without the others
    torch.testing.assert_close(mixer(x[[2], 3:], chosen)[0], second[[2]])


def test_what_is_no_state_is_left_out():
    mixer = _adapt.as_mixer(Weights)(6).eval()
    y, state = mixer(torch.randn(2, 5, 6))
    assert y.shape == (2, 5, 6) and state is None
    assert _adapt.adapt(nn.GRU, state=False)(6)(y)[1] is None
    with pytest.raises(MixerError, match=r"must return \(y, state\), .*state=False reads strings"):
        _adapt.adapt(nn.Identity, state=True)(6)(y)


def test_adapted_modules_have_every_property(monkeypatch):
    monkeypatch.setattr("fwp.models.check.FACTS", {})
    assert {f.verdict for f in check(Weights)} <= {"ok", "skipped"}


def test_a_module_that_sees_the_future_is_refused():
    data = tiny.draw()
    kind = _adapt.adapt(lambda width: nn.TransformerEncoderLayer(width, 2, 16, batch_first=True))
    model = fwp.build_model(kind, data, hidden=8)
    with pytest.raises(MixerError, match=r"test_adapt:.*lambda>: an output depends only on the"):
        require_contract(model, 2)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (nn.Linear(3, 3), "got a Linear itself: every layer and every seed has a module"),
        (3, "a function or a class that builds a module is needed, got 3"),
        (nn.Linear, "Linear cannot be called with a width: missing a required argument"),
        (lambda width: 2, "must build a torch.nn.Module, got 2"),
        (lambda width: nn.GRU(width, width), r"x is \[batch, time, width\]; give batch_first=True"),
        (
            lambda width: nn.GRU(width, width, batch_first=True, bidirectional=True),
            "bidirectional=True sees the symbols to come",
        ),
        (
            lambda width: nn.Linear(width, 2 * width),
            r"must return y as large as its input, here \[2, 32, 8\], .*got a tensor \[2, 32, 16\]",
        ),
    ],
)
def test_mistakes_are_named(kind, message):
    with pytest.raises(MixerError, match=message):
        require_contract(fwp.build_model(kind, tiny.draw(), hidden=8), 2)


def test_options_and_budgets_are_the_modules():
    data = tiny.draw()

    def build(width, depth=1):
        return nn.GRU(width, width, depth, batch_first=True)

    sizes = [fwp.build_model(build, data, hidden=8, **own).parameter_count for own in
             ({}, {"depth": 2})]  # fmt: skip
    assert sizes[1] - sizes[0] == 6 * 64 + 6 * 8
    assert 300 < fwp.build_model(build, data, parameters=400).parameter_count <= 400
    assert fwp.build_model(_adapt.adapt(nn.GRU, wiring="plain"), data).norm is None
    with pytest.raises(ConfigError, match=r"dept: unknown key \(did you mean 'depth'"):
        fwp.build_model(build, data, dept=2)


def test_seeds_are_trained_one_after_another_where_they_must_be():
    data = tiny.draw()
    nets = [fwp.build_model(nn.GRU, data, hidden=4, seed=seed) for seed in (0, 1)]
    with pytest.warns(RuntimeWarning, match="one after another"):
        pack = Pack(nets)
    tokens = torch.randint(2, (2, 3, 6))
    first, state = pack(tokens[..., :2])
    second, _ = pack(tokens[..., 2:], state)
    alone, _ = nets[1](tokens[1])
    torch.testing.assert_close(torch.cat((first, second), 2)[1], alone)


OPTIONS = {
    "Average": ["symbols", "bias"],
    "Own": [],
    "build": ["depth"],
    "short": ["size"],
    "whole": ["depth"],
    "given": [],
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_config_names_a_class_or_a_function(folder, name):
    mixer = f"plain_nets:{name}"
    models = {"net": {"mixer": mixer, "hidden": 8}}
    experiment = Experiment(
        {"models": models, "tasks": {"parity": {"language": "parity"}}}, folders=[folder]
    )
    assert list(experiment.signature("net").options) == OPTIONS[name]
    assert "plain_nets" not in sys.modules  # a plan imports nothing
    cell = experiment.cell("net", "parity")
    wrapped = not name.startswith(("whole", "given"))
    assert cell.model.mixer == f"{_adapt.PREFIX if wrapped else ''}{mixer}"
    assert read_signature(cell.model.mixer, [folder]) == read_signature(mixer, [folder])
    seen = fingerprint.modules("train", *experiment.signature("net").modules, folders=[folder])
    assert {"plain_nets", "fwp.mixers._adapt"} <= {*seen}
    net = mixers.get(cell.model.mixer)(8, **cell.model.options)
    assert net(torch.zeros(2, 5, 8))[0].shape == (2, 5, 8)
    assert mixers.get(cell.model.mixer) is type(net)


def test_what_a_class_says_of_itself_is_kept(folder):
    assert read_signature("plain_nets:Average", [folder]).facts.title == "Moving average"
    with pytest.raises(SignatureError, match=r"a function nothing\(\*, depth=1\); what builds"):
        read_signature("plain_nets:nothing", [folder])


def example(root, *words):
    page = (root / "docs/models.md").read_text()
    (code,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
        if all(word in block for word in words)
    )
    return code


def test_the_example_of_the_docs_runs(request):
    scope = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(example(request.config.rootpath, "fwp.evaluate", "nn.GRU"), scope)
    assert scope["accuracy"]["position_accuracy"].between(0, 1).all()


@pytest.mark.parametrize("name", ["Average", "deep_lstm"])
def test_modules_of_the_docs_have_every_property(request, monkeypatch, name):
    monkeypatch.setattr("fwp.models.check.FACTS", {})
    scope = {"__name__": "docs"}
    exec(example(request.config.rootpath, "Average", "deep_lstm"), scope)
    assert {f.verdict for f in check(scope[name], hidden=4)} <= {"ok", "skipped"}


def test_a_block_of_another_package(request):
    pytest.importorskip("x_transformers", reason="x-transformers is not installed")
    code, _, _ = example(request.config.rootpath, "x_transformers").partition("# mamba")
    scope = {"fwp": fwp}
    exec(code, scope)
    model = fwp.build_model(scope["block"], tiny.draw(), hidden=8)
    require_contract(model, 2)
