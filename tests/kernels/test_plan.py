"""Calls that are like an earlier one skip the checks, others do not."""

from unittest import mock

import pytest
import torch

from fwp.kernels import plan
from fwp.kernels.op import Op
from fwp.nn.elu_plus_one import elu_plus_one
from fwp.nn.linear import linear
from fwp.ops.delta_rule import delta_rule


@pytest.fixture(autouse=True)
def plans(monkeypatch):
    monkeypatch.setattr(plan, "PLANS", {})


def inputs(B=2, dtype=torch.float64):
    return [torch.rand(B, 3, 1, 4, dtype=dtype) for _ in range(3)] + [
        torch.rand(B, 3, 1, dtype=dtype)
    ]


def choices(*calls):
    """How often a backend is chosen in these calls."""
    with mock.patch.object(Op, "choose", autospec=True, side_effect=Op.choose) as choose:
        for call in calls:
            call()
    return choose.call_count


def test_a_backend_is_chosen_once_for_all_calls_of_a_kind():
    state = torch.zeros(2, 1, 4, 4, dtype=torch.float64)
    assert choices(*[lambda: delta_rule(*inputs())] * 3) == 1
    assert choices(*[lambda: delta_rule(*inputs(), state)] * 2) == 1
    assert choices(lambda: delta_rule(*inputs(B=3))) == 1
    assert choices(lambda: delta_rule(*inputs(dtype=torch.float32))) == 1
    assert choices(lambda: delta_rule(*inputs(), backend="reference")) == 1


def test_options_and_names_belong_to_the_kind_of_a_call():
    x, w, b = torch.rand(2, 3, 4), torch.rand(4, 4), torch.rand(4)
    assert not elu_plus_one(x).equal(elu_plus_one(x, normalise=True))
    assert linear(x, w, b).equal(linear(weight=w, bias=b, x=x))
    assert linear(x, w, None).equal(linear(bias=None, weight=w, x=x))
    assert linear(x, bias=b, weight=w).equal(linear(x, w, b))


def test_a_good_call_hides_no_mistake():
    q, k, v, beta = inputs()
    delta_rule(q, k, v, beta)
    with pytest.raises(ValueError, match="beta must be a tensor, got <class 'float'>"):
        delta_rule(q, k, v, 0.5)
    with pytest.raises(ValueError, match="beta must be a tensor, got <class 'dict'>"):
        delta_rule(q, k, v, {})
    with pytest.raises(ValueError, match=r"with K = 4 of q"):
        delta_rule(q, k[..., :2], v, beta)
    with pytest.raises(TypeError, match="missing a required argument: 'beta'"):
        delta_rule(q, k, v)
    with pytest.raises(TypeError, match="multiple values for argument 'q'"):
        delta_rule(q, k, v, beta, q=q)
    with pytest.raises(TypeError, match="too many positional arguments"):
        delta_rule(q, k, v, beta, None, q)


def test_there_are_never_more_plans_than_the_limit(monkeypatch):
    monkeypatch.setattr(plan, "MOST", 3)
    for B in range(1, 9):
        delta_rule(*inputs(B))
        assert len(plan.PLANS) <= 3
