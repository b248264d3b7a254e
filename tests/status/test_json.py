"""The status as JSON: what the schema promises, and a line per refresh."""

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from rich.console import Console
from test_status import NOW, Experiment, finish, report, show

import fwp
from fwp.status import run, watch
from fwp.status.board import Board
from fwp.status.snapshot import Watcher

SCHEMA = yaml.safe_load(Path(fwp.__file__).with_name("status").joinpath("schema.yaml").read_text())


class Guessed(Experiment):
    """An experiment whose times can be estimated: ten seconds per job that trains."""

    def look(self, now=NOW):
        watcher = Watcher(self, slurm=False)
        watcher.remaining._guess = lambda rule, model, *_: 1.0 if model is None else 10.0
        return watcher.look(now)


@pytest.fixture
def busy(tmp_path, monkeypatch):
    """Of everything something: done, running, failed, waiting, a search and a failed rule."""
    monkeypatch.chdir(tmp_path)
    experiment = Guessed("results", ["lstm", "my_model", "srwm"])
    finish(experiment)
    told = {"status": "running", "epoch": 2, "epochs": 8, "accuracy": {"2-50": 0.5, "51-100": 0.0}}
    told |= {"passed": 2.0, "seconds": 20.0, "strings": 6000, "loss": 0.25}
    report(experiment, "anbn", seeds={str(i): told for i in range(3)}, device="GPU #1")
    for task in ("parity", "anbn"):
        folder = report(experiment, task, "my_model", state="failed", error="bad 1")
        (folder / "train.log").write_text("Traceback\nValueError: bad 1\n")
    experiment.searched = [("parity", "srwm")]
    search = Path(experiment.chosen("srwm", "parity")).parent
    search.mkdir(parents=True)
    beat = {"state": "running", "stage": "search", "host": "n7", "time": NOW, "trials": 30}
    (search / "progress.json").write_text(json.dumps(beat))
    (search / "finished.json").write_text(json.dumps({"runs": {"a": {}, "b": {}}}))
    log = Path("results/data/anbn/train.log")
    log.parent.mkdir(parents=True)
    log.write_text("error: no strings of length 3\n")
    run.begin("results", slots=4, executor="local")
    return experiment


def test_it_is_what_the_schema_says(busy, tmp_path):
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    told = json.loads(json.dumps(busy.look().as_dict(), allow_nan=False))
    validator.validate(told)
    validator.validate(Guessed(tmp_path / "none").look().as_dict())
    known = SCHEMA["properties"]
    assert told.keys() == known.keys()
    jobs = known["jobs"]["items"]
    assert all(job.keys() == set(jobs["required"]) for job in told["jobs"])
    runs = jobs["properties"]["runs"]["items"]
    assert all(r.keys() == set(runs["required"]) for job in told["jobs"] for r in job["runs"])


def test_numbers_of_everything(busy):
    told = busy.look().as_dict()
    counts = told["counts"]
    assert (counts["runs"], counts["done"], counts["running"]) == (18, 3, 3)
    assert (counts["failed"], counts["waiting"]) == (6, 6)
    jobs = {(job["task"], job["model"]): job for job in told["jobs"]}
    running = jobs["anbn", "lstm"]
    assert (running["state"], running["device"]) == ("running", "GPU #1")
    assert running["left"] == 60 - 5  # heard of five seconds ago; ten seconds per epoch
    assert running["runs"][0]["strings_per_second"] == 300
    assert jobs["parity", "lstm"]["state"] == "done" and jobs["parity", "lstm"]["left"] is None
    assert told["searches"][0] | {"trials": 2, "of": 30, "state": "running"} == told["searches"][0]
    assert told["left"]["slots"] == 4 and told["run"]["alive"]
    assert told["left"]["low"] < told["left"]["seconds"] < told["left"]["high"]


def test_failures_are_grouped_and_have_reasons(busy):
    failures = busy.look().as_dict()["failures"]
    assert [(f["reason"], len(f["jobs"])) for f in failures] == [
        ("ValueError: bad 1", 2),
        ("error: no strings of length 3", 1),
    ]
    text = show(busy)
    assert "failed: 2 jobs (my_model on Parity, my_model on aⁿbⁿ): ValueError: bad 1" in text
    assert "failed: data for aⁿbⁿ: error: no strings of length 3" in text
    assert "▸ search for SRWM on Parity: 2 of 30 trials" in text


def test_the_board_says_what_is_left(busy):
    console = Console(file=io.StringIO(), width=150)
    console.print(Board(busy.look()))
    text = console.file.getvalue()
    said = re.search(r"about (\d+) s left \(\d+ s to \d+ \w+, by 1 finished job, 4 jobs at a", text)
    assert said, text
    line = "seeds 0–2: epoch 2 of 8, 50.0 %, 0 %, ≤ 55 s left, pid"
    assert line in text and "GPU #1, 900 strings/s" in text


def test_a_job_that_failed_before_it_could_say_so(tmp_path):
    experiment = Guessed(tmp_path)
    folder = experiment.cell_dir("parity", "lstm", "seeds-0-2")
    folder.mkdir(parents=True)
    (folder / "train.log").write_text("Traceback\nImportError: no torch\n")
    assert "failed: LSTM on Parity, seeds 0–2: ImportError: no torch" in show(experiment)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 12), (200, 50), (60, 8)])
def test_a_watched_board_fits_the_terminal(busy, width, height):
    """With everything that matters most: how many are done, what is left, what runs."""
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(Board(busy.look(), height=height - 1, wrap=True))
    lines = console.file.getvalue().splitlines()
    text = "\n".join(lines)
    assert len(lines) < height and max(map(len, lines)) <= width
    assert "3 of 18 runs done" in text and "left" in text
    assert "▸ LSTM on" in text or height == 8
    assert ("One mark per seed" in text) == (height > 20)
    assert ("bad 1" in text) == (height > 10)


def test_a_grid_that_is_too_high_becomes_counts(tmp_path):
    experiment = Guessed(tmp_path, [f"m{i}" for i in range(30)], [f"t{i}" for i in range(4)])
    console = Console(file=io.StringIO(), width=80, height=24)
    console.print(Board(experiment.look(), height=23))
    text = console.file.getvalue()
    assert text.count("12·") == 30 and len(text.splitlines()) < 24  # a model's four tasks


def test_what_is_unchanged_is_not_read_again(busy, monkeypatch):
    """Of the six cells only the one that runs is, and none is forgotten."""
    watcher = Watcher(busy, slurm=False)
    before = watcher.look(NOW)
    asked = []
    read = watcher.look.__globals__["read_job"]
    monkeypatch.setitem(
        watcher.look.__globals__, "read_job", lambda job, *a: asked.append(job) or read(job, *a)
    )
    busy.searched = []
    watcher.look(NOW), watcher.look(NOW)
    asked.clear()
    assert [job.state for job in watcher.look(NOW).jobs] == [job.state for job in before.jobs]
    assert {(job.task, job.model) for job in asked} == {("anbn", "lstm")}
    finish(busy, "anbn", "srwm")
    assert watcher.look(NOW).counts()["waiting"] == before.counts()["waiting"] - 3


def test_a_watched_status_is_a_line_each(busy, monkeypatch):
    rounds = iter([None, None])

    def sleep(seconds):
        assert seconds >= 2
        if next(rounds, "over") == "over":
            raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", sleep)
    with redirect_stdout(io.StringIO()) as out:
        watch.print_json(busy, slurm=False, watch=True)
    lines = out.getvalue().splitlines()
    assert len(lines) == 3 and {json.loads(line)["version"] for line in lines} == {1}


def test_the_status_in_python(tmp_path):
    config = tmp_path / "config.yaml"
    grid = {"models": {"net": {"mixer": "lstm"}}, "tasks": {"parity": {"language": "parity"}}}
    config.write_text(json.dumps(grid | {"results": f"{tmp_path}/results", "seeds": 2}))
    status = fwp.load_status(config)
    assert status.counts()["waiting"] == 2 and status.running == []
    assert status.left.measured == 0 and 10 < status.left.seconds < 3600
