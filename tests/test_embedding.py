import torch
import torch.nn.functional as F

from fwp.embedding import Embedding


def test_values_and_gradients_are_those_of_pytorch():
    embedding = Embedding(5, 3).double()
    tokens = torch.randint(4, (6, 7), generator=torch.Generator().manual_seed(0))
    d_output = torch.randn(6, 7, 3, dtype=torch.float64)
    weight = embedding.weight.detach().clone().requires_grad_()
    expected = F.embedding(tokens, weight)
    assert torch.equal(embedding(tokens), expected)
    ours = torch.autograd.grad(embedding(tokens), embedding.weight, d_output)
    theirs = torch.autograd.grad(expected, weight, d_output)
    torch.testing.assert_close(ours, theirs)
