"""The kernel finds the errors that PyTorch finds."""

import pytest
import torch

from fwp.training.errors import errors, native, reference
from fwp.utils.targets import NO_TARGET


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("models", "classes"), [((), 2), ((3,), 5), ((1,), 1)])
def test_the_kernel_is_the_reference(models, classes, dtype):
    if native.unusable(torch.zeros(1, dtype=dtype)) is not None:
        pytest.skip("no compiler")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randint(4, (*models, 6, 9, classes), generator=generator).to(dtype)  # with ties
    for place, value in enumerate((torch.nan, torch.inf, -torch.inf)):
        logits[..., place, 3, 0] = value
    whole = torch.randint(classes, (6, 20), generator=generator, dtype=torch.int16)
    whole[:, ::3] = NO_TARGET
    targets = whole[:, 4:13]
    expected = reference(logits, targets)
    assert expected.any() and (classes == 1 or not expected.all())
    assert torch.equal(errors(logits, targets).bool(), expected)
    assert torch.equal(errors(logits.mT.contiguous().mT, targets.long()).bool(), expected)
