"""Weights set by hand solve parity: the models can, apart from whether training finds it."""

import handbuilt
import pytest
import torch

from fwp import languages
from fwp.datasets.made import make_dataset
from fwp.training.evaluator import Evaluator

STRINGS = make_dataset(
    "parity", train=(2, 5), validation=[(2, 5)], test=[(6, 40), (4990, 5000)], counts=(9, 3, 60)
)


@pytest.mark.parametrize("name", handbuilt.MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_position_of_every_string_is_right(name, dtype):
    model = handbuilt.MODELS[name]().to(dtype)
    for split in STRINGS.test:
        assert not Evaluator(split).errors_per_string(model).any()


@pytest.mark.parametrize("name", handbuilt.MODELS)
def test_every_string_up_to_a_length_is_right(name):
    model, language = handbuilt.MODELS[name](), languages.get("parity")
    tokens = torch.cartesian_prod(*[torch.arange(2)] * 8)
    said = model(tokens)[0].argmax(-1)
    for row, classes in zip(tokens.tolist(), said.tolist(), strict=True):
        assert classes == language.label("".join(map(str, row)))
