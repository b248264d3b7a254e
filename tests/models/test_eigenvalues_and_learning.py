"""What is told of a mixer beside what must hold: sizes, eigenvalues, learning parity."""

import pytest
import torch
from torch import nn

from fwp import mixers
from fwp.models.check import Finding, check
from fwp.models.eigenvalues import eigenvalues, spectra
from fwp.models.facts import learns_parity
from fwp.models.learning import Learnt
from fwp.models.subject import Subject


class Turning(nn.Module):
    """S ← R(x) S + x, where R turns by a quarter of a circle, mirrors, or shrinks."""

    def __init__(self, hidden, *, matrix="turn"):
        super().__init__()
        own = {
            "turn": [[0.0, -1], [1, 0]],
            "mirror": [[0.0, 1], [1, 0]],
            "shrink": [[0.5, 0], [0, 1]],
        }
        self.register_buffer("matrix", torch.tensor(own[matrix]))

    def forward(self, x, state=None):
        s = x.new_zeros(len(x), 2) if state is None else state[0]
        outputs = []
        for x_t in x.unbind(1):
            s = s @ self.matrix.T + x_t[:, :2]
            outputs.append(torch.cat((s, x_t[:, 2:]), 1))
        return torch.stack(outputs, 1), (s,)


def of(kind, hidden=8, **options):
    subject = Subject(lambda: kind(hidden, **options), hidden, "cpu")
    return spectra(subject.read, subject.input)


@pytest.mark.parametrize(
    ("matrix", "low", "high", "real", "text"),
    [
        ("turn", 0, 0, False, "complex, up to 1.00 in size, real parts from 0.00"),
        ("mirror", -1, 1, True, "real, in [-1.00, 1.00]"),
        ("shrink", 0.5, 1, True, "real, in [0.50, 1.00]"),
    ],
)
def test_eigenvalues_are_those_of_the_matrix(matrix, low, high, real, text):
    (found,) = of(Turning, matrix=matrix)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high))
    assert found.real is real and str(found) == text and found.negative is (low < 0)
    assert found.modulus == pytest.approx(1)


def test_blocks_have_the_eigenvalues_of_the_matrix():
    generator = torch.Generator().manual_seed(0)
    blocks = [torch.randn(n, n, generator=generator, dtype=torch.float64) for n in (1, 3, 1, 2)]
    matrix, order = torch.block_diag(*blocks), torch.randperm(7, generator=generator)
    found = eigenvalues(matrix[order][:, order])
    expected = torch.linalg.eigvals(matrix)
    for part in ("real", "imag"):
        values = (getattr(x, part).sort().values for x in (found, expected))
        torch.testing.assert_close(*values)


def test_rounding_joins_no_blocks_and_large_ones_are_left_out(monkeypatch):
    monkeypatch.setattr("fwp.models.eigenvalues.WIDEST", 2)
    noise = 1e-6 * torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    assert eigenvalues(torch.eye(6) + noise).real.tolist() == pytest.approx([1] * 6, abs=1e-4)
    with pytest.raises(ValueError, match="mixes more than 2 numbers"):
        eigenvalues(torch.ones(3, 3))


@pytest.mark.parametrize(
    ("mixer", "options", "low", "real"),
    [
        ("linear_transformer", {}, 1, True),
        ("deltanet", {"feature_map": "silu_l2"}, 0, True),
        ("deltanet", {"feature_map": "silu_l2", "allow_neg_eigval": True}, -1, True),
        ("gated_deltanet", {"conv_size": 2}, 0, True),
        ("deltaproduct", {}, -1, False),
    ],
)
def test_mixers_have_the_eigenvalues_that_the_docs_say(mixer, options, low, real):
    (found,) = of(mixers.get(mixer), heads=2, **options)
    assert found.low == pytest.approx(low, abs=0.2) and found.low > low - 1e-6
    assert found.high == pytest.approx(1, abs=0.05) and found.real is real


@pytest.mark.parametrize(
    ("mixer", "text"),
    [
        ("elman", "the state is not linear"),
        ("lstm", "the state is not linear"),  # c is linear for a given h, which depends on c
        ("transformer", "the state grows with the string"),
        ("own_mixers:Attention", "there is no state"),
    ],
)
def test_where_there_are_none_it_says_why(mixer, text):
    assert of(mixers.get(mixer)).startswith(text)


def facts(mixer, **options):
    return {f.name: f.found for f in check(mixer, **options) if f.verdict == "is so"}


def test_sizes():
    found = facts(nn.GRU, hidden=4)
    assert found["parameters"] == f"{2 * 3 * 16 + 2 * 3 * 4} trained numbers at width 4"
    assert found["size of the state"] == "4 numbers per string, at any length"
    assert facts("transformer", hidden=4)["size of the state"].endswith("it grows")
    assert "memory grows with the length" in facts("own_mixers:Attention")["size of the state"]


def test_eigenvalues_are_told_by_the_parts_names():
    found = facts("delta_rnn", hidden=8, heads=2)["eigenvalues"]
    assert found.startswith("W: real, in [") and "; R: " in found
    assert found.endswith("none is negative, which parity would need")
    mirrored = facts(Turning, matrix="mirror")["eigenvalues"]
    assert mirrored == "part 1 of the state: real, in [-1.00, 1.00]; negative ones occur"


def test_what_cannot_be_told_is_skipped(monkeypatch):
    monkeypatch.setattr("fwp.models.check.FACTS", {"weight": lambda subject: 1 / 0})
    assert check("gru")[-1] == Finding("weight", "skipped", "ZeroDivisionError: division by zero")


def test_parity_is_learnt_or_not():
    reflecting = {"feature_map": "silu_l2", "allow_neg_eigval": True}
    found = []
    for name, options, steps in (("deltanet", reflecting, 60), ("transformer", {}, 4)):
        kind = mixers.get(name)
        subject = Subject(lambda kind=kind, options=options: kind(16, **options), 16, "cpu")
        found.append(learns_parity(kind, subject, options, steps))
    yes, no = found
    assert yes.learnt and yes.steps <= 60 and yes.accuracy == 1
    assert not no.learnt and no.steps == 4 and no.accuracy < 0.5
    assert str(no).startswith("not within 4 steps")


def test_learning_is_told_if_asked_for():
    assert "learns parity" not in facts("gru", hidden=4)
    assert facts("gru", hidden=4, learn=1)["learns parity"].startswith("not within 1 step")
    told = str(Learnt(80, True, 1.0, 0.5, 1.25))
    assert told == "after 80 steps (1.2 s); of strings of 100 symbols, 50% are right"
