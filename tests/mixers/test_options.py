"""Options of mixers: what they leave out is left out, and all else holds with them too."""

import pytest
import torch
from tiny import model as settings_of

from fwp import mixers
from fwp.mixers import _signature
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.nn.feature_maps import FEATURE_MAPS, NORMALISERS
from fwp.nn.initialisation import square
from fwp.ops.recurrent_delta_rule import recurrent_delta_rule
from fwp.ops.self_reference import self_reference

KIMI = ("kimi_delta", "gated_deltanet2")
HEIRS = ("q_delta", "erase_then_delta", "preconditioned_delta", "oja")
OPTIONS = [
    *(("linear_transformer", {"feature_map": name}) for name in FEATURE_MAPS),
    *(("deltanet", {"feature_map": name}) for name in FEATURE_MAPS),
    *((name, {"feature_map": "dpfp", "nu": 3, "normaliser": normaliser})
      for name in ("linear_transformer", "deltanet") for normaliser in ("sum", "attention")),
    ("deltanet", {"normaliser": "attention"}),
    ("deltanet", {"normaliser": "attention", "conv_size": 2}),
    ("deltanet", {"rate": "one"}),
    ("deltanet", {"allow_neg_eigval": True}),
    ("deltanet", {"conv_size": 4}),
    ("deltanet", {"output_norm": True}),
    ("deltaproduct", {"householders": 1}),
    ("deltaproduct", {"householders": 3}),
    ("deltaproduct", {"gate": True}),
    ("deltaproduct", {"allow_neg_eigval": False}),
    ("gated_deltanet", {"allow_neg_eigval": True}),
    *((name, {"allow_neg_eigval": True}) for name in KIMI),
    *((name, {"allow_neg_eigval": True}) for name in HEIRS),
    *((name, {"conv_size": 0}) for name in ("preconditioned_delta", "momentum_deltanet")),
    *((name, {"decay": "number"}) for name in ("preconditioned_delta", "oja")),
    ("q_delta", {"decay": "vector"}),
    ("erase_then_delta", {"rank": 2}),
    ("preconditioned_delta", {"squash": 2}),
    *((name, {"signed_gates": True, "allow_neg_eigval": True}) for name in KIMI),
    *((name, {"decay": "number"}) for name in KIMI),
    *((name, {"silu": False}) for name in KIMI),
    *((name, {"conv_size": 0}) for name in ("deltaproduct", "gated_deltanet", *KIMI)),
    *((name, {"init": init}) for name in ("linear_transformer", "deltanet")
      for init in ("xavier", "orthogonal")),
    *(("recurrent_delta", {f"feedback_{part}": False}) for part in ("q", "k", "v", "beta")),
    ("recurrent_delta", dict.fromkeys(["feedback_q", "feedback_k", "feedback_v"], False)),
    ("recurrent_delta", {"feedback": "linear"}),
    ("recurrent_delta", {"rule": "sum"}),
    *(("recurrent_delta", {"init": init}) for init in ("small", "orthogonal")),
    *(("srwm", {"updated": parts}) for parts in ("y", "yq", "yk", "yb", "q", "k", "b")),
    ("srwm", {"rates": "one"}),
    *(("srwm", {"init": init}) for init in ("equal", "orthogonal")),
    ("transformer", {"window": 3}),
    ("transformer", {"positions": "rotary"}),
    ("transformer", {"positions": "rotary", "window": 3}),
    *(("transformer", {"positions": name, "places": 6, "window": window})
      for name in ("alibi", "sinusoidal", "learnt") for window in (None, 3)),
    ("retnet", {"rotation": False, "decay": False}),
    ("gla", {"decay": "number"}),
    ("mamba2", {"states": 3, "expand": 1, "conv_size": 0}),
    ("m2rnn", {"states": 3, "conv_size": 0}),
    ("mesanet", {"conv_size": 0, "least_ridge": 2.0}),
    ("mamba3", {"rotation": False, "trapezoid": False, "states": 3}),
    ("lru", {"expand": 2}),
    ("s5", {"expand": 2, "blocks": 4}),
    ("lstm", {"two_biases": True}),
    ("elstm", {"init": "normal"}),
    ("slstm", {"init": "authors"}),
    ("mlstm", {"init": "authors"}),
    ("selective_ssm", {"allow_neg_eigval": True}),
    ("selective_ssm", {"states": 3, "expand": 1, "conv_size": 0}),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for name, options in OPTIONS]


def model(mixer, options, seed=0):
    torch.manual_seed(seed)
    if mixer not in ("selective_ssm", "lstm", "lru", "s5", "elstm"):
        options = {"heads": 2} | options
    settings = settings_of(mixer, hidden=8, feed_forward=1, options=options)
    return SequenceModel(3, 2, settings).double()


def tokens():
    return torch.randint(3, (2, 9), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("mixer", "options"), OPTIONS, ids=IDS)
def test_streaming_training_and_packs_work(mixer, options):
    nets = [model(mixer, options, seed) for seed in (0, 1)]
    whole, _ = nets[0](tokens())
    first, state = nets[0](tokens()[:, :4])
    second, _ = nets[0](tokens()[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)
    whole.square().sum().backward()
    gradients = [p.grad for p in nets[0].parameters()]
    assert all(grad.isfinite().all() for grad in gradients if grad is not None)
    if "y" in options.get("updated", "y"):  # else nothing that changes is ever read
        assert all(grad is not None for grad in gradients)
    together, _ = Pack(nets)(tokens())
    for i, net in enumerate(nets):
        torch.testing.assert_close(together[i], net(tokens())[0])


@pytest.mark.parametrize(("mixer", "options"), OPTIONS, ids=IDS)
def test_an_option_makes_a_difference(mixer, options):
    defaults = {"feature_map": {"linear_transformer": "elu", "deltanet": "elu_sum"}.get(mixer)}
    if options.items() <= defaults.items():
        pytest.skip("the default")
    assert not torch.allclose(model(mixer, options)(tokens())[0], model(mixer, {})(tokens())[0])


@pytest.mark.parametrize("mixer", mixers.names())
def test_initial_options_decide_nothing_but_initial_weights(mixer):
    offered = _signature.read_signature(mixer).options
    for name in getattr(mixers.get(mixer), "initial_options", ()):
        reference = model(mixer, {})
        for choice in offered[name].choices:
            net = model(mixer, {name: choice}, seed=1)
            net.load_state_dict(reference.state_dict())
            torch.testing.assert_close(net(tokens())[0], reference(tokens())[0], rtol=0, atol=0)


def test_the_authors_draw_input_matrices_of_the_elstm_from_a_normal_distribution():
    torch.manual_seed(0)
    uniform, normal = (mixers.get("elstm")(64, init=init) for init in ("uniform", "normal"))
    assert uniform.input.weight.abs().max() <= 64**-0.5
    assert 0.097 < normal.input.weight.std() < 0.103 and normal.input.weight.abs().max() > 0.3
    assert normal.output.weight.abs().max() <= 64**-0.5


def test_two_biases_of_the_lstm_are_added():
    lstm = mixers.get("lstm")(8, two_biases=True).double()
    pytorch = torch.nn.LSTM(8, 8, batch_first=True).double()
    with torch.no_grad():
        for name, own in (("weight_ih", "w_x"), ("weight_hh", "w_h"), ("bias_ih", "b"),
                          ("bias_hh", "b_h")):  # fmt: skip
            getattr(pytorch, f"{name}_l0").copy_(getattr(lstm, own).flatten(0, 1))
    (x,) = inputs((2, 5, 8))
    torch.testing.assert_close(lstm(x)[0], pytorch(x)[0])
    torch.manual_seed(0)
    drawn = dict(mixers.get("lstm")(8).named_parameters())
    torch.manual_seed(0)  # the second bias is drawn last
    for name, parameter in mixers.get("lstm")(8, two_biases=True).named_parameters():
        assert name == "b_h" or torch.equal(parameter, drawn[name])


def test_initial_values_of_the_authors_of_xlstm():
    torch.manual_seed(0)
    slstm, mlstm = (mixers.get(name)(64, heads=4, init="authors") for name in ("slstm", "mlstm"))
    assert not slstm.r.any()
    forget = slstm.inputs.bias.view(4, 4, 16)[:, 1]
    assert (forget[:, 0] == 5).all() and (forget[:, -1] == -7).all()
    torch.testing.assert_close(forget[2, 3], torch.tensor(5 - 12 * 0.2**0.3))
    std = (2 / (5 * 64)) ** 0.5
    for weight, expected in (
        (slstm.inputs.weight, std),
        (mlstm.qkv.weight, std),
        (mlstm.o.weight, std),
        (mlstm.out.weight, 0.25),
    ):
        assert abs(weight.std().item() / expected - 1) < 0.05


def test_what_is_not_fed_back_has_no_weights():
    whole = mixers.get("recurrent_delta")(8, heads=2)
    without = mixers.get("recurrent_delta")(8, heads=2, feedback_k=False)
    assert whole.r_qkv.shape == (3, 2, 4, 4) and without.r_qkv.shape == (2, 2, 4, 4)
    x = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    state = {name: value.clone() for name, value in without.state_dict().items()}
    whole.load_state_dict(state | {"r_qkv": torch.stack((
        state["r_qkv"][0], torch.zeros(2, 4, 4), state["r_qkv"][1]
    ))})  # fmt: skip
    torch.testing.assert_close(whole(x)[0], without(x)[0])


def test_deltanet_with_rate_one_writes_whole_values():
    mixer = mixers.get("deltanet")(4, heads=1, rate="one", feature_map="softmax")
    assert mixer.qkv_beta.weight.shape == (12, 4)
    x = torch.randn(1, 1, 4, generator=torch.Generator().manual_seed(0))
    q, k, v = (x[0] @ mixer.qkv_beta.weight.T).chunk(3, -1)
    q, k = q.softmax(-1), k.softmax(-1)
    torch.testing.assert_close(mixer(x)[0][0], (q * k).sum() * v @ mixer.out.weight.T)


@pytest.mark.parametrize("mixer", ["linear_transformer", "deltanet"])
def test_mixers_offer_every_feature_map_and_normaliser(mixer):
    options = _signature.read_signature(mixer).options
    assert options["feature_map"].choices == tuple(FEATURE_MAPS)
    assert options["normaliser"].choices == NORMALISERS


def test_rate_one_doubled_is_a_reflection():
    mixer = mixers.get("deltanet")(
        4, heads=1, rate="one", feature_map="silu_l2", allow_neg_eigval=True
    ).double()
    (x,) = inputs((1, 1, 4))
    before = (torch.eye(4, dtype=torch.float64)[None, None],)
    mixer.qkv_beta.weight.data[8:] = 0  # v
    transition = mixer(x, before)[1][0][0, 0]
    torch.testing.assert_close(transition @ transition, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(
        transition.det(), torch.tensor(-1.0, dtype=torch.float64), check_dtype=False
    )


def inputs(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes]


def test_linear_feedback_and_the_sum_rule():
    q, k, v, beta = inputs((1, 3, 1, 2), (1, 3, 1, 2), (1, 3, 1, 2), (1, 3, 1))
    r_q, r_k, r_v, r_beta = inputs((1, 2, 2), (1, 2, 2), (1, 2, 2), (1, 2))
    weights = (r_q, r_k, r_v, r_beta)
    y, _ = recurrent_delta_rule(q, k, v, beta, *weights, feedback="linear", rule="sum")
    S, h = torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for t in range(3):
        key = (k[0, t, 0] + h @ r_k[0]).softmax(-1)
        rate = torch.sigmoid(beta[0, t, 0] + h @ r_beta[0])
        S = S + torch.outer(key, rate * (v[0, t, 0] + h @ r_v[0]))
        h = (q[0, t, 0] + h @ r_q[0]).softmax(-1) @ S
        torch.testing.assert_close(y[0, t, 0], h)


def test_matrices_that_are_not_updated_stay():
    x, w_y, w_q, w_k, w_beta = inputs((1, 4, 1, 3), *[(1, 3, 3)] * 3, (1, 3, 4))
    _, state = self_reference(x, w_y, w_q, w_k, w_beta, updated="qb")
    changed = [
        not torch.equal(part[0], w) for part, w in zip(state, (w_y, w_q, w_k, w_beta), strict=True)
    ]
    assert changed == [False, True, False, True]


def test_one_rate_stays_one():
    mixer = mixers.get("srwm")(8, heads=2, rates="one")
    assert mixer.w_beta.shape == (2, 4, 1)
    x = torch.randn(1, 20, 8, generator=torch.Generator().manual_seed(0))
    w_beta = mixer(x)[1][3]
    torch.testing.assert_close(w_beta, w_beta[..., :1].expand_as(w_beta))
    assert not torch.allclose(w_beta[..., 0], mixer.w_beta[None, ..., 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: recurrent_delta_rule(*inputs(*[(1, 1, 1, 2)] * 8), rule="add"),
         "rule must be delta or sum, got 'add'"),
        (lambda: self_reference(*inputs(*[(1, 1, 1, 2)] * 5), updated="yy"),
         "updated must be letters of yqkb, each at most once, got 'yy'"),
    ],
)  # fmt: skip
def test_other_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("mixers_of_it", "option"),
    [
        ("mamba2 mamba3 m2rnn", "states"),
        ("mamba2 mamba3 lru s5", "expand"),
        ("gla erase_then_delta", "rank"),
        ("s5", "blocks"),
    ],
)
def test_sizes_of_nothing_are_refused(mixers_of_it, option):
    for name in mixers_of_it.split():
        with pytest.raises(ValueError, match=f"^{option} must be at least 1, got 0"):
            mixers.get(name)(8, **{option: 0})


def test_waves_of_the_lru_turn():
    with pytest.raises(ValueError, match=r"^max_phase must be positive, got 0\.0$"):
        mixers.get("lru")(8, max_phase=0.0)


def test_schemes_of_initialisation():
    matrices = torch.empty(3, 2, 32, 32)
    torch.manual_seed(0)
    square(matrices, "normal", 0.1)
    assert matrices.std() == pytest.approx(0.1, rel=0.05)
    square(matrices, "xavier")
    assert matrices.abs().max() <= (6 / 64) ** 0.5 and matrices.std() > 0.1
    square(matrices, "orthogonal", 0.01 / 32**0.5)
    product = matrices @ matrices.transpose(-1, -2)
    torch.testing.assert_close(product, 1e-4 * torch.eye(32).expand_as(product))
    assert not torch.equal(matrices[0, 0], matrices[0, 1])
