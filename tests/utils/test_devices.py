import pytest
import torch

from fwp.utils import devices, gpus, mps
from fwp.utils.denormals import flushing_denormals


def test_auto_takes_what_there_is():
    assert devices.pick("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert devices.pick("cpu") == "cpu"


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="finds no GPU here"):
        devices.pick("cuda")


def test_a_gpu_that_mps_does_not_give_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(gpus, "claim_gpu", lambda: "3")
    monkeypatch.delenv(mps.VARIABLE, raising=False)
    assert devices.pick() == "cpu"
    monkeypatch.setenv(mps.VARIABLE, "/somewhere")
    with pytest.raises(RuntimeError, match=r"has GPU 3 .* cannot use it through MPS"):
        devices.pick()


def test_an_unknown_device():
    with pytest.raises(ValueError, match="must be auto, cpu or cuda, got 'gpu'"):
        devices.pick("gpu")


def test_denormals_are_flushed_for_a_while():
    tiny = torch.tensor(1e-39)
    before = (tiny * 1).item()
    with flushing_denormals():
        assert (tiny * 1).item() == 0
        with flushing_denormals():
            pass
        assert (tiny * 1).item() == 0
    assert (tiny * 1).item() == before


def test_exhausted_memory_says_what_to_lower_and_other_errors_stay():
    told = pytest.raises(devices.OutOfMemory, match=r"lower hidden.* has 281,475\.0 GB")
    with told, devices.explaining_memory(1):
        torch.empty(2**46)
    with pytest.raises(RuntimeError, match="shapes"), devices.explaining_memory(1):
        torch.ones(2, 3) @ torch.ones(2, 3)
