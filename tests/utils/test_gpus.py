import multiprocessing

import pytest

from fwp.utils import gpus


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus, "_taken", [])
    gpus.visible_gpus.cache_clear()
    yield
    gpus.visible_gpus.cache_clear()


def take(queue, event):
    queue.put(gpus.claim_gpu())
    event.wait(30)


def test_jobs_spread_over_the_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    context = multiprocessing.get_context("fork")
    queue, event = context.Queue(), context.Event()
    jobs = [context.Process(target=take, args=(queue, event)) for _ in range(5)]
    taken = []
    for job in jobs:
        job.start()
        taken.append(queue.get(timeout=30))
    assert taken == ["3", "7", "3", "7", "3"]
    event.set()
    for job in jobs:
        job.join(30)
    assert gpus.claim_gpu() == "3"  # what ended has given back what it took
    assert gpus.visible_gpus() == ["3"] and gpus.claim_gpu() == "3"


@pytest.mark.parametrize(("visible", "expected"), [("", None), ("-1", None), ("5", "5")])
def test_what_the_environment_says_is_enough(monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.claim_gpu() == expected


def test_the_driver_is_asked(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    program.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert gpus.visible_gpus() == ["0", "1"]


def test_without_a_driver_there_is_none(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.visible_gpus() == []
