"""MesaNet: its loop, the regression that it solves, and linear attention as a limit."""

import pytest
import torch
import torch.nn.functional as F

from fwp import mixers

HIDDEN, HEADS, TIME = 12, 3, 9
WIDTH = HIDDEN // HEADS


def example(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def make(**options):
    torch.manual_seed(0)
    mixer = mixers.get("mesanet")(HIDDEN, heads=HEADS, **options).double()
    for p in mixer.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    return mixer


def parts(mixer, x):
    """q, k, v [T, H, D], w and β [T, H] of one string, without the convolution."""
    q, k, v = (x @ mixer.inputs.weight.T).view(TIME, 3, HEADS, WIDTH).unbind(1)
    q, k = (F.normalize(F.silu(part), dim=-1) for part in (q, k))
    gates = F.linear(x, mixer.gates.weight, mixer.gates.bias).sigmoid()
    return q, k, v, *gates.chunk(2, dim=1)


def normed(mixer, y):
    y = y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt() * mixer.norm.weight
    return mixer.out.weight @ y.flatten()


def test_the_mixer_reads_the_best_fit_to_what_it_read():
    """The regression over all symbols, each with its weight, is set up again at every symbol."""
    mixer, x = make(conv_size=0), example(TIME, HIDDEN)
    q, k, v, w, beta = parts(mixer, x)
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            weight = torch.stack([beta[s, h] * w[s + 1 : t + 1, h].prod() for s in range(t + 1)])
            penalty = torch.diag((F.softplus(mixer.ridge[h]) + 0.25).sqrt())
            rows = torch.cat((weight.sqrt()[:, None] * k[: t + 1, h], penalty))
            goals = torch.cat((weight.sqrt()[:, None] * v[: t + 1, h], 0 * penalty))
            y.append(q[t, h] @ torch.linalg.lstsq(rows, goals).solution)
        outputs.append(normed(mixer, torch.stack(y)))
    torch.testing.assert_close(mixer(x[None])[0][0], torch.stack(outputs))


def test_a_large_ridge_makes_it_gated_linear_attention():
    mixer, x = make(conv_size=0, least_ridge=1e8), example(TIME, HIDDEN)
    q, k, v, w, beta = parts(mixer, x)
    mixer.norm = torch.nn.Identity()
    mixer.ridge.data.fill_(-100)
    S, outputs = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64), []
    for t in range(TIME):
        for h in range(HEADS):
            S[h] = w[t, h] * S[h] + beta[t, h] * torch.outer(k[t, h], v[t, h])
        y = torch.einsum("hk,hkv->hv", q[t], S)
        outputs.append(mixer.out.weight @ y.flatten())
    torch.testing.assert_close(1e8 * mixer(x[None])[0][0], torch.stack(outputs))


def test_the_ridge_begins_at_one():
    mixer = mixers.get("mesanet")(8, heads=2)
    torch.testing.assert_close(F.softplus(mixer.ridge) + 0.25, torch.ones(2, 4))


def test_a_ridge_of_nothing_is_refused():
    with pytest.raises(ValueError, match="least_ridge must be positive, got 0"):
        mixers.get("mesanet")(8, least_ridge=0)
