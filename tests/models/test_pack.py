"""What a model computes in a pack is what it computes alone."""

import inspect

import pytest
import tiny
import torch
from tiny import alone, draw, train

from fwp import mixers
from fwp.models.pack import Pack, same_program


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def few():
    """Strings for four batches of 32 at most; the last one is smaller."""
    return draw(train=tiny.SPEC["train"] | {"count": 100})


def models(data, mixer, seeds):
    settings = {"hidden": 8, "feed_forward": 1, "dtype": "float64"}
    return [tiny.net(data, mixer, seed=seed, **settings) for seed in seeds]


@pytest.mark.parametrize("mixer", mixers.names())
def test_a_pack_computes_what_its_models_do(data, mixer):
    nets = models(data, mixer, range(3))
    tokens = torch.randint(2, (3, 4, 7), generator=torch.Generator().manual_seed(0))
    pack = Pack(nets)
    first, state = pack(tokens[:, :, :3])
    second, _ = pack(tokens[:, :, 3:], state)
    shared, _ = pack(tokens[0])
    for i, net in enumerate(nets):
        torch.testing.assert_close(torch.cat((first[i], second[i]), 1), net(tokens[i])[0])
        torch.testing.assert_close(shared[i], net(tokens[0])[0])
        for name, tensor in pack.state_dict(i).items():
            assert torch.equal(tensor, net.state_dict()[name])


@pytest.mark.parametrize("mixer", mixers.names())
def test_training_in_a_pack_is_training_alone(few, mixer):
    settings = {"epochs": 2, "batch_size": 32, "schedule": "cosine", "curriculum": 0.5, "clip": 1.0}
    seeds = [3, 4, 5]
    together = train(models(few, mixer, seeds), few, seeds=seeds, **settings)
    for seed, run in zip(seeds, together, strict=True):
        single = alone(models(few, mixer, [seed])[0], few, seed=seed, **settings)
        assert run.seed == seed
        for a, b in zip(run.history, single.history, strict=True):
            assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)
            assert a["selection"] == b["selection"]


def test_seeds_leave_the_pack_when_they_are_done(data):
    """One diverges at once, the others are solved at different epochs; none disturbs the others."""
    settings = {"epochs": 60, "batch_size": 16, "learning_rate": 1e-2}
    seeds = [0, 1, 2, 3]

    def nets(seeds):
        nets = models(data, "elstm", seeds)
        for net, seed in zip(nets, seeds, strict=True):
            if seed == 2:
                net.readout.weight.data[:] = torch.nan
        return nets

    together = train(nets(seeds), data, seeds=seeds, **settings)
    assert together[2].status == "diverged" and together[2].epochs == 1
    assert len({run.epochs for run in together}) >= 3  # otherwise this test shows little
    for seed, run in zip(seeds, together, strict=True):
        single = alone(nets([seed])[0], data, seed=seed, **settings)
        assert (run.status, run.epochs) == (single.status, single.epochs)
        for name, tensor in single.weights.items():
            torch.testing.assert_close(run.weights[name], tensor, equal_nan=True)


class Particular(torch.nn.Module):
    """Has a weight that is not trained, a weight of two names and a buffer that is not saved."""

    def __init__(self, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.embedding = torch.nn.Embedding(2, 3)
        self.embedding.weight.data.normal_(generator=generator)
        self.readout = torch.nn.Linear(3, 2, bias=False)
        self.readout.weight = self.embedding.weight
        self.scale = torch.nn.Parameter(torch.rand(3, generator=generator), requires_grad=False)
        self.register_buffer("shift", torch.ones(3), persistent=False)

    def forward(self, tokens, state=None):
        return self.readout(self.embedding(tokens) * self.scale + self.shift), state


@pytest.mark.filterwarnings("ignore:torch.vmap cannot compute these models as one")
@pytest.mark.parametrize("count", [1, 3])
def test_weights_may_be_fixed_or_shared(data, count):
    nets = [Particular(seed) for seed in range(count)]
    scales = [net.scale.clone() for net in nets]
    runs = train(nets, data, seeds=range(count), epochs=2, batch_size=32)
    pack = Pack(nets)
    for i, (net, run, scale) in enumerate(zip(nets, runs, scales, strict=True)):
        assert set(run.weights) == set(pack.state_dict(i)) == set(net.state_dict())
        assert torch.equal(run.weights["scale"], scale)
        assert net.readout.weight is net.embedding.weight
    pack.keep([count - 1])
    tokens = torch.tensor([[0, 1, 1]])
    torch.testing.assert_close(pack(tokens)[0][0], nets[-1](tokens)[0])


def test_an_empty_pack_is_refused():
    with pytest.raises(ValueError, match="at least one model"):
        Pack([])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"mixer": "elstm", "wiring": "pre_norm"},
            "class of blocks.0.mixer = .*DeltaNet in model 0 and .*Elementwise",
        ),
        ({"hidden": 12}, "embedding.embedding_dim = 8 in model 0 and 12 in model 1"),
        (
            {"layers": 2},
            "class of blocks.1 = None in model 0 and fwp.models.block.Block in model 1",
        ),
        ({"options": {"heads": 2}}, "blocks.0.mixer.heads = 4 in model 0 and 2 in model 1"),
        ({"options": {"feature_map": "relu"}}, "feature_map.name = elu_sum in model 0 and relu"),
        ({"dtype": "float64"}, "'float32'.* in model 0 and .*'float64'.* in model 1"),
    ],
)
def test_models_of_other_programs_are_refused(data, changes, said):
    given = {"mixer": "deltanet", "hidden": 8, "layers": 1, "feed_forward": 1}
    first, second = tiny.net(data, **given), tiny.net(data, **given | changes)
    with pytest.raises(ValueError, match=f"must be of one class and shape, got .*{said}"):
        Pack([first, second])


def test_options_that_decide_initial_weights_only_may_differ(data):
    """Such a pack computes what its models do."""
    given = {"mixer": "deltanet", "hidden": 8, "feed_forward": 1}
    options = [{"init": init} for init in ("uniform", "xavier", "orthogonal")]
    own = [tiny.model(**given, options=o) for o in options]
    assert all(same_program(own[0], other) for other in own)
    nets = [tiny.net(data, **given, options=o) for o in options]
    tokens, pack = torch.tensor([[0, 1, 1, 0]]), Pack(nets)
    for logits, net in zip(pack(tokens)[0], nets, strict=True):
        torch.testing.assert_close(logits, net(tokens)[0])


def test_programs_are_told_apart_by_their_settings():
    own = tiny.model("deltanet", name="one")
    assert same_program(own, tiny.model("deltanet", name="other"))
    for changes in ({"hidden": 12}, {"options": {"heads": 2}}, {"wiring": "plain"}):
        assert not same_program(own, tiny.model("deltanet", **changes))
    assert not same_program(own, tiny.model("linear_transformer"))
    uniform, normal = (tiny.model("elstm", options={"init": x}) for x in ("uniform", "normal"))
    assert same_program(uniform, normal)
    assert not same_program(
        tiny.model("elman", options={"init": 1}), tiny.model("elman", options={"init": 2})
    )


@pytest.mark.parametrize("mixer", mixers.names())
def test_initial_options_are_options(mixer):
    kind = mixers.get(mixer)
    assert set(getattr(kind, "initial_options", ())) <= set(inspect.signature(kind).parameters)
