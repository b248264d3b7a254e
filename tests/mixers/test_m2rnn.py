"""M²RNN: its loop, row by row, and the simpler nets that it contains."""

import torch
import torch.nn.functional as F

from fwp import mixers
from fwp.ops.elman import elman
from fwp.ops.linear_attention import linear_attention
from fwp.ops.m2rnn import m2rnn

HIDDEN, HEADS, TIME = 12, 3, 9
WIDTH = HIDDEN // HEADS


def example(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_the_mixer():
    torch.manual_seed(0)
    mixer, x = mixers.get("m2rnn")(HIDDEN, heads=HEADS, states=5).double(), example(TIME, HIDDEN)
    for p in mixer.parameters():  # norms, skips and feedback begin where their places do not show
        p.data.add_(0.1 * torch.randn_like(p))
    S, past, outputs = torch.zeros(HEADS, 5, WIDTH, dtype=torch.float64), [], []
    for x_t in x:
        mixed, gate, keep = (mixer.inputs.weight @ x_t).split((10 + HIDDEN, HIDDEN, HEADS))
        past = [mixed, *past][:4]
        q, k, v = F.silu(sum(map(torch.mul, mixer.conv.weight, past))).split((5, 5, HIDDEN))
        y = []
        for h, value in enumerate(v.chunk(HEADS)):
            f = torch.exp(-mixer.keep.log_rate[h].exp() * F.softplus(keep[h] + mixer.keep.bias[h]))
            for i in range(5):
                new = torch.tanh(S[h, i] @ mixer.feedback[h] + k[i] * value)
                S[h, i] = f * S[h, i] + (1 - f) * new
            y.append(q @ S[h] + mixer.skip[h] * value)
        y = torch.cat(y) * F.silu(gate)
        y = y / (y.square().mean() + 1e-5).sqrt() * mixer.norm.weight
        outputs.append(mixer.out.weight @ y)
    torch.testing.assert_close(mixer(x[None])[0][0], torch.stack(outputs))


def test_a_row_that_keeps_nothing_is_an_elman_net():
    v, w = example(2, TIME, 1, WIDTH), example(1, WIDTH, WIDTH)
    one, nothing = torch.ones_like(v[..., :1]), torch.zeros_like(v[..., 0])
    y, S = m2rnn(one, one, v, nothing, w)
    identity, zero = torch.eye(WIDTH, dtype=torch.float64), torch.zeros(WIDTH, dtype=torch.float64)
    expected, h = elman(v[:, :, 0], identity, w[0].T, zero)
    torch.testing.assert_close((y[:, :, 0], S[:, 0, 0]), (expected, h))


def test_small_numbers_make_it_linear_attention():
    q, k, v = example(3, 2, TIME, HEADS, WIDTH)
    f = example(2, TIME, HEADS).sigmoid()
    w = torch.eye(WIDTH, dtype=torch.float64).repeat(HEADS, 1, 1)
    y, _ = m2rnn(q, k, 1e-6 * v, f, w)
    expected, _ = linear_attention(q, (1 - f).unsqueeze(-1) * k, v)
    torch.testing.assert_close(1e6 * y, expected)
