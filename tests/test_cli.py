"""The command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fwp.cli import main, parser
from fwp.commands.train import outcome
from fwp.results.chosen import write_chosen
from fwp.training.run import Run

ROOT = Path(__file__).parents[1]
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
    assert "stopped at the budget of 1 epoch after" in out
    assert "sequence acc.  position acc." in out
    assert "2-8 symbols" in out
    assert "9-20 symbols" in out
    assert "net on parity, seed 3" in err
    names = {file.name for file in folder.iterdir()}
    assert names >= {"model.safetensors", "history.csv", "cell.json", "accuracy.csv"}


def test_train_warns_of_a_task_with_one_class(config, capsys):
    arguments = ["--config", config, "--model", "net", "--task", "parity", "--device", "cpu"]
    assert main(["train", *arguments]) == 0
    assert "warning" not in capsys.readouterr().err
    assert main(["train", *arguments, "--set", "tasks.parity.language=tomita_1"]) == 0
    said = "warning: task parity: All training targets are of one class, 1 end: there is nothing"
    assert said in capsys.readouterr().err


def test_train_takes_what_a_search_chose_and_says_so(config, tmp_path, capsys):
    arguments = ["--config", config, "--model", "net", "--task", "parity", "--device", "cpu"]
    arguments += ["--set", "search.space.training.epochs=[1, 2]"]
    path = tmp_path / "results/search/parity/net/chosen.json"
    assert main(["train", *arguments]) == 0
    out, err = capsys.readouterr()
    assert f"{path} does not exist yet" in err and "1 epoch after" in out
    write_chosen(path, "parity", "net", {"training.epochs": 2})
    assert main(["train", *arguments]) == 0
    out, err = capsys.readouterr()
    assert f"settings chosen by search: {path}" in err and "2 epochs after" in out


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
        (["train", "--model", "foo", "--task", "parity"], "--model must be one of net, got 'foo'"),
        (["train", "--model", "net", "--task", "foo"], "--task must be one of parity, got 'foo'"),
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


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--threads", "-5"], "--threads: must be an integer from 1 to "),
        (["--threads", "100000"], "--threads: must be an integer from 1 to "),
        (["--threads", "two"], "the cores of this machine, got two"),
        (["--seed", "-1"], "--seed: must be an integer from 0 to 4294967295, got -1"),
        (["--seed", "99999999999999999999"], "--seed: must be an integer from 0 to 4294967295"),
        (["--output", ""], "--output: must be the name of a folder, got an empty one"),
        (["--output", __file__], "--output: must be the name of a folder, got the file"),
    ],
)
def test_values_of_options_are_checked_before_any_work(config, capsys, option, message):
    with pytest.raises(SystemExit) as caught:
        main(["train", "--config", config, "--model", "net", "--task", "parity", *option])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_missing_config(tmp_path, capsys):
    assert main(["status", "--config", str(tmp_path / "none.yaml")]) == 1
    message = capsys.readouterr().err
    assert "none.yaml" in message
    assert "--config" in message and "--configfile" in message


def test_several_configs_lie_on_top_of_each_other(config, tmp_path, capsys):
    other = tmp_path / "other.yaml"
    other.write_text("seeds: 5")
    assert main(["status", "--config", config, str(other)]) == 0
    assert "0 of 5 runs done" in capsys.readouterr().out


def test_training_takes_one_thread_unless_told_otherwise():
    command = ["train", "--model", "net", "--task", "parity"]
    assert parser().parse_args(command).threads == 1
    assert parser().parse_args([*command, "--threads", "1"]).threads == 1


def test_results_of_other_seeds_and_settings_are_not_replaced(config, tmp_path, capsys):
    folder = tmp_path / "kept"
    command = ["train", "--config", config, "--model", "net", "--task", "parity"]
    command += ["--device", "cpu", "--output", str(folder)]
    assert main(command) == 0
    record = folder / "cell.json"
    text = record.read_text()
    capsys.readouterr()

    def refused(*changes: str) -> str:
        weights = (folder / "model.safetensors").read_bytes()
        assert main([*command, *changes]) == 1
        assert (folder / "model.safetensors").read_bytes() == weights
        return capsys.readouterr().err

    assert "holds a cell of seed 0, which seed 1 would replace" in refused("--seed", "1")
    assert "other settings (training)" in refused("--set", "training.epochs=2")
    record.write_text(text.replace('"seeds": [0]', '"seeds": [0, 1]'))
    assert "holds a cell of seeds 0, 1, which seed 0 would replace" in refused()
    record.write_text("{")
    assert "cell.json, cannot be read" in refused()
    record.write_text(text)
    assert main(command) == 0  # the same cell, once more


@pytest.mark.parametrize(
    ("status", "epochs", "best", "words"),
    [
        ("solved", 1, 1, "solved after 1 epoch and 3 s; the weights are those of epoch 1"),
        ("budget", 10, 7, "stopped at the budget of 10 epochs after 3 s; the weights are those of"),
        ("diverged", 2, 0, "diverged after 2 epochs and 3 s; the weights are the initial ones"),
    ],
)
def test_how_training_ended_is_told_in_words(status, epochs, best, words):
    run = Run(0, status, epochs=epochs, best_epoch=best, seconds=3.1)
    assert outcome(run).startswith(words)


def test_exhausted_memory_is_one_message(config, capsys, monkeypatch):
    def exhausted(*_, **__):
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 51540131840 bytes. Error code 12"
        )

    monkeypatch.setattr("fwp.training.train.build_model", exhausted)
    command = ["train", "--config", config, "--model", "net", "--task", "parity"]
    assert main([*command, "--device", "cpu"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("fwp: the memory of this machine does not suffice")
    assert "51.5 GB" in last


def test_a_cell_that_needs_more_memory_than_there_is_is_told_before(config, capsys, monkeypatch):
    def stop(*_, **__):
        raise ValueError("far enough")

    monkeypatch.setattr("fwp.datasets.sampling.build_dataset", stop)
    command = ["train", "--config", config, "--model", "net", "--task", "parity"]
    command += ["--device", "cpu", "--set", "model.hidden=65536"]
    assert main(command) == 1
    assert "net on parity may need" in capsys.readouterr().err


MIXER = """
from torch import nn

class Own(nn.GRU):
    def __init__(self, hidden):
        super().__init__(hidden, hidden, batch_first=True)

    def forward(self, x, state=None):
        y, h = super().forward(x, None if state is None else state[0].transpose(0, 1).contiguous())
        return y, (h.transpose(0, 1),)
"""


@pytest.mark.parametrize("place", ["beside the config", "current folder"])
def test_modules_of_the_users_own_are_found_as_in_the_pipeline(config, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = elsewhere if place == "current folder" else tmp_path
    (folder / "mixer_of_mine.py").write_text(MIXER)
    command = "import sys; from fwp.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["--config", config, "--model", "own", "--task", "parity", "--device", "cpu"]
    change = "models.own={mixer: 'mixer_of_mine:Own'}"
    run = subprocess.run(
        [sys.executable, "-P", "-c", command, "train", *arguments, "--set", change],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "2-8 symbols" in run.stdout


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
    assert len(lines) == 14 and all(line.split()[0] in ("ok", "skipped", "is") for line in lines)
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"] == {"hidden": 8} and told["device"] == "cpu"
    assert told["findings"][0] == {"name": "shapes", "verdict": "ok", "found": ""}
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
