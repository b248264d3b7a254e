"""Each mixer against its equation, written out for one string and one head at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fwp import mixers
from fwp.models.block import Block

HIDDEN, HEADS, TIME = 12, 3, 9
WIDTH = HIDDEN // HEADS


@pytest.fixture
def x():
    return torch.randn(
        TIME, HIDDEN, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    )


def make(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return mixers.get(name)(HIDDEN, **options).double()


def assert_matches(mixer, x, outputs):
    y, _ = mixer(x[None])
    torch.testing.assert_close(y[0], torch.stack(outputs), rtol=1e-10, atol=1e-10)


def phi(x):
    return F.elu(x) + 1


def heads_of(mixer, x, weight):
    """W_q x, W_k x, W_v x of every head: three lists of H tensors [T, D]."""
    return [part.split(WIDTH, dim=1) for part in (x @ weight[: 3 * HIDDEN].T).split(HIDDEN, dim=1)]


def test_lstm(x):
    mixer = make("lstm")
    h = c = torch.zeros(HIDDEN, dtype=torch.float64)
    outputs = []
    for x_t in x:
        i, f, g, o = mixer.w_x @ x_t + mixer.w_h @ h + mixer.b
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    assert_matches(mixer, x, outputs)


def test_elstm(x):
    mixer = make("elstm")
    w_in_z, w_in_f = mixer.input.weight.split(HIDDEN)
    b_z, b_f = mixer.input.bias.split(HIDDEN)
    c = torch.zeros(HIDDEN, dtype=torch.float64)
    outputs = []
    for x_t in x:
        z = torch.tanh(w_in_z @ x_t + mixer.w_z * c + b_z)
        f = torch.sigmoid(w_in_f @ x_t + mixer.w_f * c + b_f)
        c = f * c + (1 - f) * z
        o = torch.sigmoid(mixer.output.weight @ torch.cat([x_t, c]) + mixer.output.bias)
        outputs.append(o * c)
    assert_matches(mixer, x, outputs)


def test_linear_transformer(x):
    mixer = make("linear_transformer", heads=HEADS)
    q, k, v = heads_of(mixer, x, mixer.qkv.weight)
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            memory = sum(torch.outer(phi(k[h][s]), v[h][s]) for s in range(t + 1))
            y.append(phi(q[h][t]) @ memory)
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, x, outputs)


def test_deltanet(x):
    mixer = make("deltanet", heads=HEADS)
    q, k, v = heads_of(mixer, x, mixer.qkv_beta.weight)
    beta = torch.sigmoid(x @ mixer.qkv_beta.weight[3 * HIDDEN :].T)
    memory = [torch.zeros(WIDTH, WIDTH, dtype=torch.float64) for _ in range(HEADS)]
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            query = phi(q[h][t]) / phi(q[h][t]).sum()
            key = phi(k[h][t]) / phi(k[h][t]).sum()
            error = v[h][t] - key @ memory[h]
            memory[h] = memory[h] + torch.outer(key, beta[t, h] * error)
            y.append(query @ memory[h])
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, x, outputs)


def test_recurrent_delta(x):
    mixer = make("recurrent_delta", heads=HEADS)
    q, k, v = heads_of(mixer, x, mixer.qkv_beta.weight)
    b = x @ mixer.qkv_beta.weight[3 * HIDDEN :].T
    r_q, r_k, r_v = mixer.r_qkv
    memory = [torch.zeros(WIDTH, WIDTH, dtype=torch.float64) for _ in range(HEADS)]
    y = [torch.zeros(WIDTH, dtype=torch.float64) for _ in range(HEADS)]
    outputs = []
    for t in range(TIME):
        for h in range(HEADS):
            fed_back = torch.tanh(y[h])
            query = torch.softmax(q[h][t] + fed_back @ r_q[h], 0)
            key = torch.softmax(k[h][t] + fed_back @ r_k[h], 0)
            value = v[h][t] + fed_back @ r_v[h]
            beta = torch.sigmoid(b[t, h] + fed_back @ mixer.r_beta[h])
            memory[h] = memory[h] + torch.outer(key, beta * (value - key @ memory[h]))
            y[h] = query @ memory[h]
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, x, outputs)


def test_srwm(x):
    mixer = make("srwm", heads=HEADS)
    weights = [
        [w[h] for w in (mixer.w_y, mixer.w_q, mixer.w_k, mixer.w_beta)] for h in range(HEADS)
    ]
    outputs = []
    for x_t in x:
        y = []
        for h, x_h in enumerate(x_t.split(WIDTH)):
            y_t, q_t, k_t, b_t = (x_h @ w for w in weights[h])
            query, key, beta = q_t.softmax(0), k_t.softmax(0), b_t.sigmoid()
            weights[h] = [
                w + torch.outer(key, beta[i] * (query @ w - key @ w))
                for i, w in enumerate(weights[h])
            ]
            y.append(y_t)
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, x, outputs)


def apply(layer, x):
    return F.linear(x, layer.weight, layer.bias)


@pytest.mark.parametrize(("name", "layer"), [("elman", nn.RNN), ("gru", nn.GRU)])
def test_pytorchs_recurrent_layers(x, name, layer):
    mixer, theirs = make(name), layer(HIDDEN, HIDDEN, batch_first=True, dtype=torch.float64)
    w_x, w_h, b = (p.detach().reshape(-1, *p.shape[-1:]) for p in mixer.parameters())
    b = b.flatten()
    second = torch.zeros_like(b)
    if name == "gru":
        b, second = b[: 3 * HIDDEN], torch.cat([second[: 2 * HIDDEN], b[3 * HIDDEN :]])
    parts = {"weight_ih_l0": w_x, "weight_hh_l0": w_h, "bias_ih_l0": b, "bias_hh_l0": second}
    theirs.load_state_dict(parts)
    torch.testing.assert_close(mixer(x[None])[0], theirs(x[None])[0], rtol=1e-10, atol=1e-10)


def test_delta_rnn(x):
    mixer = make("delta_rnn", heads=HEADS)
    parts = x @ mixer.inputs.weight.T
    q, k, v, rec_k, rec_v = (p.split(WIDTH, 1) for p in parts[:, : 5 * HIDDEN].split(HIDDEN, 1))
    beta, rec_beta = parts[:, 5 * HIDDEN :].sigmoid().chunk(2, dim=1)
    zero = torch.zeros(WIDTH, WIDTH, dtype=torch.float64)
    w, r, y = [zero] * HEADS, [zero] * HEADS, [zero[0]] * HEADS
    outputs = []
    for t in range(TIME):
        for h in range(HEADS):
            query, key = phi(q[h][t]) / phi(q[h][t]).sum(), phi(k[h][t]) / phi(k[h][t]).sum()
            w[h] = w[h] + torch.outer(key, beta[t, h] * (v[h][t] - key @ w[h]))
            key = rec_k[h][t].softmax(0)
            r[h] = r[h] + torch.outer(key, rec_beta[t, h] * (rec_v[h][t] - key @ r[h]))
            y[h] = query @ w[h] + y[h].softmax(0) @ r[h]
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, x, outputs)


def test_slstm(x):
    """Against the paper's equations, with cell, normaliser and stabiliser."""
    mixer = make("slstm", heads=HEADS)
    h = c = n = m = torch.zeros(HIDDEN, dtype=torch.float64)
    outputs = []
    for x_t in x:
        recurrent = torch.einsum("hi,hgij->hgj", h.view(HEADS, WIDTH), mixer.r)
        i, f, z, o = (
            part.flatten()
            for part in (apply(mixer.inputs, x_t).view(HEADS, 4, WIDTH) + recurrent).unbind(1)
        )
        kept = F.logsigmoid(f) + m
        m = torch.maximum(kept, i) if n.any() else i
        c = torch.exp(kept - m) * c + torch.exp(i - m) * z.tanh()
        n = torch.exp(kept - m) * n + torch.exp(i - m)
        h = o.sigmoid() * c / n
        outputs.append(mixer.out.weight @ h)
    assert_matches(mixer, x, outputs)


def test_mlstm(x):
    """Against the paper's equations without any stabiliser."""
    mixer = make("mlstm", heads=HEADS)
    nn.init.normal_(mixer.gates.weight)
    q, k, v = heads_of(mixer, x, mixer.qkv.weight)
    i, f = apply(mixer.gates, x).chunk(2, dim=1)
    memory = [torch.zeros(WIDTH, WIDTH, dtype=torch.float64) for _ in range(HEADS)]
    size = [torch.zeros(WIDTH, dtype=torch.float64) for _ in range(HEADS)]
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            key, write, keep = k[h][t] / WIDTH**0.5, i[t, h].exp(), f[t, h].sigmoid()
            memory[h] = keep * memory[h] + write * torch.outer(key, v[h][t])
            size[h] = keep * size[h] + write * key
            y.append(q[h][t] @ memory[h] / (q[h][t] @ size[h]).abs().clamp(min=1))
        outputs.append(mixer.out.weight @ (apply(mixer.o, x[t]).sigmoid() * torch.cat(y)))
    assert_matches(mixer, x, outputs)


@pytest.mark.parametrize("negative", [False, True])
def test_selective_ssm(x, negative):
    mixer = make("selective_ssm", states=3, allow_neg_eigval=negative)
    h, past = torch.zeros(2 * HIDDEN, 3, dtype=torch.float64), [torch.zeros(2 * HIDDEN)] * 3
    outputs = []
    for x_t in x:
        u, gate = apply(mixer.inputs, x_t).chunk(2)
        past = [u, *past[:3]]
        u, gate = F.silu(sum(map(torch.mul, mixer.conv.weight, past))), F.silu(gate)
        low, b, c = apply(mixer.select, u).split(mixer.sizes)
        delta = F.softplus(apply(mixer.delta, low))
        a = torch.exp(torch.outer(delta, torch.tensor([-1.0, -2, -3], dtype=torch.float64)))
        h = (2 * a - 1 if negative else a) * h + torch.outer(delta * u, b)
        outputs.append(apply(mixer.out, (h @ c + u) * gate))
    assert_matches(mixer, x, outputs)


def test_transformer_block_is_pytorchs_encoder_layer(x):
    block = Block(make("transformer", heads=HEADS), HIDDEN, factor=2, wiring="post_norm").double()
    layer = nn.TransformerEncoderLayer(
        HIDDEN, HEADS, 2 * HIDDEN, dropout=0.0, batch_first=True, dtype=torch.float64
    )
    names = {
        "self_attn.in_proj_": "mixer.qkv.",
        "self_attn.out_proj.": "mixer.out.",
        "linear1.": "feed_forward.inner.",
        "linear2.": "feed_forward.outer.",
        "norm1.": "mixer_norm.",
        "norm2.": "feed_forward_norm.",
    }
    ours = block.state_dict()
    layer.load_state_dict(
        {
            theirs + kind: ours[mine + kind]
            for theirs, mine in names.items()
            for kind in ("weight", "bias")
        }
    )
    mask = nn.Transformer.generate_square_subsequent_mask(TIME, dtype=torch.float64)
    expected = layer(x[None], src_mask=mask, is_causal=True)
    torch.testing.assert_close(block(x[None])[0], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("wiring", "expected"),
    [
        ("pre_norm", lambda x, mix, norm: x + mix(norm(x))),
        ("normed_skip", lambda x, mix, norm: norm(x) + mix(x)),
        ("post_norm", lambda x, mix, norm: norm(x + mix(x))),
        ("plain", lambda x, mix, norm: mix(x)),
    ],
)
def test_wirings(x, wiring, expected):
    mixer = make("deltanet", heads=HEADS)
    block = Block(mixer, HIDDEN, factor=0, wiring=wiring).double()
    y = expected(x[None], lambda z: mixer(z)[0], lambda z: F.layer_norm(z, (HIDDEN,)))
    torch.testing.assert_close(block(x[None])[0], y, rtol=1e-10, atol=1e-10)


class TestInitialisation:
    """The scales that the papers state, 256 wide: a sample shows them to a few percent."""

    def spread(self, tensor, std, mean=0.0):
        assert tensor.std().item() == pytest.approx(std, rel=0.15)
        assert tensor.mean().item() == pytest.approx(mean, abs=0.3 * std)

    def test_elstm(self):
        torch.manual_seed(0)
        mixer = mixers.get("elstm")(256)
        for tensor in (mixer.w_z, mixer.w_f, mixer.input.bias):
            self.spread(tensor, 0.1)

    def test_recurrent_delta(self):
        torch.manual_seed(0)
        mixer = mixers.get("recurrent_delta")(256, heads=4)
        for tensor in (*mixer.r_qkv, mixer.r_beta):
            self.spread(tensor, 64**-0.5)

    def test_srwm(self):
        torch.manual_seed(0)
        mixer = mixers.get("srwm")(256, heads=4)
        self.spread(mixer.w_y, 64**-0.5)
        self.spread(mixer.w_k, 64**-0.5)
        self.spread(mixer.w_q, 0.01 * 64**-0.5)
        self.spread(mixer.w_beta, 64**-0.5, mean=-1.0)
