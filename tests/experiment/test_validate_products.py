"""Products in bfloat16 are refused before anything runs where jobs get no GPU."""

import pytest

from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment

CONFIG = {
    "models": {"delta": {"mixer": "deltanet"}, "lstm": {"mixer": "lstm"}},
    "tasks": {"parity": {"language": "parity"}, "pairs": {"language": "aa_star"}},
}
BFLOAT16 = {"training": {"matmul": "bfloat16"}}


def config(device: str, **changes) -> dict:
    return CONFIG | {"compute": {"device": device}} | changes


def test_jobs_with_a_gpu_may_have_them():
    assert Experiment(config("cuda", **BFLOAT16)).cell("delta", "pairs").training.matmul


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (BFLOAT16, [("delta", "parity"), ("lstm", "parity")]),
        ({"overrides": {"lstm": {"pairs": BFLOAT16}}}, [("lstm", "pairs")]),
    ],
)
def test_a_cpu_has_none(changes, named):
    with pytest.raises(ConfigError) as caught:
        Experiment(config("cpu", **changes))
    assert caught.value.problems == [
        f"models.{model}: training.matmul = bfloat16 (task {task}) needs a GPU, but "
        "compute.device = cpu gives jobs none here; allowed on a CPU: float32"
        for model, task in named
    ]
