import pytest
import torch
import torch.nn.functional as F

from fwp.nn.embedding import Embedding, one_hot


def test_values_and_gradients_are_those_of_pytorch():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    tokens = torch.randint(4, (6, 7), generator=generator)
    d_output = torch.randn(6, 7, 3, generator=generator, dtype=torch.float64)
    expected = F.embedding(tokens, weight[0])
    assert torch.equal(one_hot(tokens, weight), expected)
    ours = torch.autograd.grad(one_hot(tokens, weight), weight, d_output)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, weight, d_output))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("symbols", "hidden"), [(2, 64), (20, 5), (100, 7)])
def test_a_pack_embeds_what_its_models_do(symbols, hidden, shared, device):
    generator = torch.Generator().manual_seed(0)
    embedding = Embedding(symbols, hidden)
    weights = torch.randn(3, symbols, hidden, generator=generator, dtype=torch.float64)
    tokens = torch.randint(symbols, (4, 9) if shared else (3, 4, 9), generator=generator)
    d_output = torch.randn(3, 4, 9, hidden, generator=generator, dtype=torch.float64)
    weights, tokens, d_output = (x.to(device) for x in (weights, tokens, d_output))
    weights.requires_grad_()

    def run(weight, tokens):
        return torch.func.functional_call(embedding, {"weight": weight}, (tokens,))

    packed = torch.vmap(run, (0, None if shared else 0))(weights, tokens)
    each = [tokens] * 3 if shared else tokens
    alone = torch.stack([F.embedding(t, w) for t, w in zip(each, weights, strict=True)])
    assert torch.equal(packed, alone)
    ours = torch.autograd.grad(packed, weights, d_output)
    torch.testing.assert_close(ours, torch.autograd.grad(alone, weights, d_output))
