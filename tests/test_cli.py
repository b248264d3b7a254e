"""The command line."""

import os
import subprocess
import sys

import pytest

from fwp.cli import main

CONFIG = """
results: {results}
seeds: 2
model: {{ hidden: 8, feed_forward: 1 }}
training: {{ epochs: 1, batch_size: 32 }}
data:
  train: {{ min_length: 2, max_length: 8, count: 50 }}
  validation: {{ bins: [[2, 8]], count: 20 }}
evaluation: {{ bins: [[2, 8], [9, 20]], count: 20 }}
models:
  net: {{ mixer: deltanet, heads: 2 }}
tasks:
  parity: {{ language: parity }}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(results=tmp_path / "results"))
    return str(path)


def test_train_shows_accuracies_and_keeps_files(config, tmp_path, capsys):
    folder = tmp_path / "kept"
    arguments = ["--config", config, "--model", "net", "--task", "parity", "--seed", "3"]
    assert main(["train", *arguments, "--device", "cpu", "--output", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "after 1 epochs" in out
    assert "2-8 symbols" in out
    assert "9-20 symbols" in out
    assert "net on parity, seed 3" in err
    names = {file.name for file in folder.iterdir()}
    assert names >= {"model.safetensors", "history.csv", "cell.json", "accuracy.csv"}


def test_set_changes_the_config(config, capsys):
    arguments = ["--config", config, "--model", "net", "--task", "parity", "--device", "cpu"]
    assert main(["train", *arguments, "--set", "training.epochs=3"]) == 0
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--model", "nett", "--task", "parity"], "did you mean 'net'"),
        (["train", "--model", "net", "--task", "parities"], "did you mean 'parity'"),
        (["train", "--model", "net", "--task", "parity", "--set", "training.epoch=3"], "epochs"),
        (["status", "--set", "models.net.heads=3"], "heads"),
        (["check", "deltanett"], "did you mean 'deltanet'"),
        (["check", "deltanet", "--set", "heads"], "--set must read option=value, got 'heads'"),
        (["check", "deltanet", "--set", "heads=3"], "heads must divide hidden = 16"),
    ],
)
def test_mistakes_end_in_one_message(config, capsys, arguments, message):
    assert main([arguments[0], "--config", config, *arguments[1:]]) == 1
    err = capsys.readouterr().err
    assert err.startswith("fwp: ")
    assert message in err
    assert "Traceback" not in err


def test_a_missing_config(tmp_path, capsys):
    assert main(["status", "--config", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


MINE = """
from torch import nn

class Mine(nn.Module):
    def __init__(self, hidden, *, wrong: bool = False):
        super().__init__()
        self.w, self.wrong = nn.Linear(hidden, hidden), wrong

    def forward(self, x, state=None):
        return (self.w(x.flip(1)) if self.wrong else self.w(x)), None
"""


def test_check_tries_a_mixer_beside_the_config(config, tmp_path, capsys, monkeypatch):
    (tmp_path / "my_mixers.py").write_text(MINE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["check", "my_mixers:Mine", "--config", config, "--set", "hidden=8"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and all(line.split()[0] in ("ok", "skipped") for line in lines)
    assert main([*arguments, "--set", "wrong=true"]) == 1
    out, err = capsys.readouterr()
    assert "FAILS    causal" in out and "fwp: my_mixers:Mine fails in 2 of its properties" in err


def test_status(config, capsys):
    assert main(["status", "--config", config]) == 0
    assert "0 of 2 runs done" in capsys.readouterr().out


def test_list(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "deltanet" in out
    assert "shuffle_2" in out


def test_status_does_not_import_torch(config):
    code = (
        "import sys; from fwp.cli import main; "
        f"main(['status', '--config', {config!r}]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_reader_who_has_gone_is_no_error():
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "fwp", "list"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (run.returncode, run.stderr) == (0, b"")
