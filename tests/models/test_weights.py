import pytest
import torch
from tiny import model as settings_of

from fwp.models.sequence_model import SequenceModel
from fwp.models.weights import WeightsError, load_weights, read_weights, write_weights


def model(hidden=8, seed=0):
    torch.manual_seed(seed)
    return SequenceModel(2, 2, settings_of("deltanet", hidden=hidden))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    write_weights(path, {seed: model(seed=seed).state_dict() for seed in (0, 7)})
    return path


def test_each_seed_can_be_loaded_alone(path):
    other = model(seed=3)
    load_weights(other, path, 7)
    for a, b in zip(other.parameters(), model(seed=7).parameters(), strict=True):
        assert torch.equal(a, b)


def test_an_absent_seed(path):
    with pytest.raises(WeightsError, match=r"holds the seeds \[0, 7\], not 1"):
        read_weights(path, 1)


def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        read_weights(tmp_path / "nothing.safetensors", 0)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_truncated_file(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="truncated"):
        read_weights(path, 0)


def test_weights_of_another_model(path):
    with pytest.raises(WeightsError, match="do not fit the model"):
        load_weights(model(hidden=16), path, 0)
