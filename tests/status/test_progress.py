import io
import json
import signal
import sys
from dataclasses import replace

import pytest
import tiny

from fwp.models.weights import WeightsError
from fwp.status.progress import Progress, logging_to

CELL = replace(tiny.cell(), model=tiny.model("deltanet", name="deltanet"))
FACTS = {"loss": 0.5, "selection": 0.25, "accuracy": {"2-50": 0.5, "51-100": 0.0}}


def read(path):
    return json.loads(path.read_text())


def test_the_file_follows_the_run(tmp_path):
    path, log = tmp_path / "progress.json", io.StringIO()
    with Progress(CELL, [0, 1], 3, path=path, stream=log) as progress:
        report = read(path)
        assert report["state"] == "running"
        assert (report["model"], report["task"]) == ("deltanet", "parity")
        assert report["seeds"]["1"] == {"status": "waiting", "epochs": 3}
        progress.start([0], 3)
        progress.update(0, epoch=1, **FACTS)
        progress.finish(0, "budget")
        seed = read(path)["seeds"]["0"]
        assert seed == {"status": "budget", "epochs": 3, "epoch": 1, **FACTS}
    assert read(path)["state"] == "done"
    assert "deltanet on parity, seed 0" in log.getvalue()
    assert "1/3" in log.getvalue()
    assert "50.0%" in log.getvalue()


def test_a_diverged_run_is_told(tmp_path):
    path, log = tmp_path / "progress.json", io.StringIO()
    with Progress(CELL, [0], 3, path=path, stream=log) as progress:
        progress.start([0], 3)
        progress.update(0, epoch=1, **FACTS | {"loss": float("nan")})
        progress.finish(0, "diverged")
    assert read(path)["seeds"]["0"]["loss"] is None
    assert read(path)["seeds"]["0"]["status"] == "diverged"
    assert "loss nan" in log.getvalue()


def test_an_interruption_is_no_failure(tmp_path):
    path, log = tmp_path / "progress.json", tmp_path / "train.log"
    with pytest.raises(SystemExit) as end, logging_to(log), Progress(CELL, [0], 3, path=path):
        signal.raise_signal(signal.SIGTERM)
    assert end.value.code == 128 + signal.SIGTERM
    assert read(path)["state"] == "interrupted"
    assert log.read_text() == "interrupted by SIGTERM\n"


def test_a_resumed_run_does_not_start_at_nought(tmp_path):
    log = io.StringIO()
    with Progress(CELL, [0], 8, stream=log) as progress:
        progress.start([0], 8)
        progress.update(0, epoch=5, **FACTS)
        progress.finish(0, "budget")
    assert "5/8" in log.getvalue()


def test_a_failure_is_told_in_one_line(tmp_path):
    path = tmp_path / "progress.json"
    with pytest.raises(ValueError, match="first"), Progress(CELL, [0], 3, path=path):
        raise ValueError("first line\nsecond line")
    assert read(path)["state"] == "failed"
    assert read(path)["error"] == "first line"


def test_the_file_is_not_rewritten_at_every_epoch(tmp_path):
    path = tmp_path / "progress.json"
    with Progress(CELL, [0], 3, path=path, stream=io.StringIO()) as progress:
        progress.start([0], 3)
        progress.written += 100  # as if it had just been written
        progress.update(0, epoch=1, **FACTS)
        assert "epoch" not in read(path)["seeds"]["0"]


def test_a_log_takes_output_and_tracebacks(tmp_path):
    path = tmp_path / "logs" / "train.log"
    with pytest.raises(ZeroDivisionError), logging_to(path):
        print("to the log")
        print("warning", file=sys.stderr)
        raise ZeroDivisionError("why")
    text = path.read_text()
    assert "to the log\nwarning\n" in text
    assert "Traceback" in text
    assert "ZeroDivisionError: why" in text


def test_an_error_of_our_own_is_one_line(tmp_path):
    path = tmp_path / "train.log"
    with pytest.raises(SystemExit), logging_to(path):
        raise WeightsError("model.safetensors: truncated")
    assert path.read_text() == "error: model.safetensors: truncated\n"


def test_without_a_log_nothing_is_redirected(capsys):
    with logging_to(None) as stream:
        print("seen")
        assert stream is sys.stderr
    assert capsys.readouterr().out == "seen\n"
