import math

import pytest
import torch
import torch.nn.functional as F

from fwp import mixers
from fwp.nn.step_size import initial_steps


def test_steps_are_log_uniform_over_their_range():
    torch.manual_seed(0)
    step = F.softplus(initial_steps(40, 100).double())
    assert step.shape == (40, 100)
    assert step.min() > 0.001 * (1 - 1e-5) and step.max() < 0.1 * (1 + 1e-5)
    # Each tenth of the range holds a tenth of them.
    place = (step.log() - math.log(1e-3)) / math.log(100)
    shares = torch.histc(place, bins=10, min=0, max=1) / step.numel()
    assert (shares - 0.1).abs().max() < 0.02


@pytest.mark.parametrize(
    ("mixer", "options", "parameter"),
    [
        ("mamba2", {"heads": 4}, "step"),
        ("mamba3", {"heads": 4}, "step"),
        ("selective_ssm", {}, "delta.bias"),
    ],
)
def test_models_begin_with_such_steps(mixer, options, parameter):
    torch.manual_seed(0)
    step = F.softplus(mixers.get(mixer)(8, **options).get_parameter(parameter).double())
    assert step.min() > 0.00099 and step.max() < 0.101
