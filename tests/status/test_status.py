import contextlib
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
import synthetic
from rich.console import Console

from fwp.results.heartbeat import process_start
from fwp.status import board, watch
from fwp.status.snapshot import Watcher

NOW = 1_000_000_000.0
GONE = 2**22 + 1  # larger than any process number on Linux


class Job(NamedTuple):
    task: str
    model: str
    group: str
    seeds: list[int]
    directory: str


class Experiment:
    """What the board asks of an experiment; the records of `synthetic` are up to date with it."""

    targets = ("report",)

    def __init__(self, results, models=("lstm", "my_model"), tasks=("parity", "anbn"), groups=None):
        self.results = Path(results)
        self.models, self.tasks = list(models), list(tasks)
        self.groups = groups or {"seeds-0-2": [0, 1, 2]}
        self.hidden, self.searched = 64, []

    def kind(self, task):
        return {"play": "text", "bible": "translation"}.get(task, "strings")

    def cell_dir(self, task, model, group):
        return self.results / "cells" / task / model / group

    def jobs(self):
        for task, model, group in product(self.tasks, self.models, self.groups):
            directory = str(self.cell_dir(task, model, group))
            yield Job(task, model, group, self.groups[group], directory)

    def is_current(self, model, task, config):
        wanted = synthetic.config(model)
        wanted["model"]["hidden"] = self.hidden
        return config == wanted

    def searches(self):
        return self.searched

    def chosen(self, model, task):
        return str(self.results / "search" / task / model / "chosen.json")


@pytest.fixture
def experiment(tmp_path):
    return Experiment(tmp_path)


def show(experiment, *, width=100, colour=False, **options):
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    watcher = Watcher(experiment, slurm=options.pop("slurm", False))
    status = watcher.look(options.pop("now", NOW))
    console.print(board.Board(status, **options), crop=False)
    return console.file.getvalue()


def row(text, model):
    return next(line for line in text.splitlines() if line.startswith(model))


def finish(experiment, task="parity", model="lstm", **settings):
    return synthetic.write_cell(
        experiment.results / "cells", task, model, [0, 1, 2], bins=["2-50", "51-100"], **settings
    )


def report(experiment, task="parity", model="lstm", *, seeds=None, **facts):
    """Write the progress file of a job; by default this process trains seed 1 after seed 0."""
    folder = experiment.cell_dir(task, model, "seeds-0-2")
    folder.mkdir(parents=True, exist_ok=True)
    done = {"status": "solved", "epoch": 3, "epochs": 40, "accuracy": {"2-50": 1, "51-100": 1}}
    now = {"status": "running", "epoch": 7, "epochs": 40, "accuracy": {"2-50": 0.5, "51-100": 0.3}}
    progress = {
        "state": "running",
        "stage": "train",
        "task": task,
        "model": model,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "time": NOW - 5,
        "seeds": seeds or {"0": done, "1": now, "2": {"status": "waiting", "epochs": 40}},
    }
    (folder / "progress.json").write_text(json.dumps(progress | facts))
    return folder


def test_before_anything_ran(experiment):
    text = show(experiment)
    assert text.splitlines()[0].split() == ["Parity", "aⁿbⁿ"]
    assert row(text, "LSTM").split() == ["LSTM", "···", "···"]
    assert row(text, "my_model").split() == ["my_model", "···", "···"]
    assert "0 of 12 runs done, 12 waiting" in text
    assert "· waiting" in text and "failed" not in text


def test_finished_runs_show_their_test_accuracy(experiment):
    cell = finish(experiment)
    path = cell / "accuracy.csv"
    path.write_text(re.sub(r"(lstm,2,\w+,51-100),,(\d+),[^,]*", r"\1,,\2,0.9996", path.read_text()))
    synthetic.seal(cell)
    text = show(experiment)
    assert row(text, "LSTM").split()[:3] == ["LSTM", "✓✓✓", "100/99.9"]  # not all is right: not 100
    assert "3 of 12 runs done, 9 waiting" in text
    assert "Numbers: mean accuracy" in text


def test_kinds_of_ends_are_told_apart(experiment):
    finish(experiment, model="my_model", diverged=(1,))
    assert re.search(r"my_model +✓!✓", show(experiment))
    assert "3 of 12 runs done (1 diverged), 9 waiting" in show(experiment)


def test_running_job(experiment):
    report(experiment)
    text = show(experiment)
    assert row(text, "LSTM").split()[:3] == ["LSTM", "○▸·", "75/65"]
    assert "1 running, 1 trained, 10 waiting" in text
    assert "▸ LSTM on Parity, seed 1: epoch 7 of 40, 50.0 %, 30.0 %" in text


def test_running_job_before_its_first_epoch(experiment):
    report(experiment, seeds={str(i): {"status": "running", "epochs": 9} for i in range(3)})
    assert "▸ LSTM on Parity, seeds 0–2: starting, pid" in show(experiment)


def test_evaluation_counts_as_running(experiment):
    finish(experiment)
    report(experiment, stage="evaluate", seeds={str(i): {"status": "waiting"} for i in range(3)})
    text = show(experiment)
    assert "▸▸▸" in row(text, "LSTM") and "seeds 0–2: being evaluated" in text


def test_trained_but_not_evaluated(experiment):
    (finish(experiment) / "accuracy.csv").unlink()
    report(experiment, state="done")
    text = show(experiment)
    assert "○○○" in row(text, "LSTM")
    assert "0 of 12 runs done, 3 trained, 9 waiting" in text


def test_failed_job_is_listed_with_its_error_and_log(experiment):
    folder = report(experiment, state="failed", error="out of memory", stage="evaluate")
    text = show(experiment)
    assert "✗✗✗" in row(text, "LSTM")
    assert (
        f"failed: LSTM on Parity, seeds 0–2: out of memory\n    see {folder}/evaluate.log" in text
    )
    assert "3 failed" in text


def test_records_written_after_a_failure_win(experiment):
    report(experiment, state="failed", error="out of memory")
    finish_after = experiment.cell_dir("parity", "lstm", "seeds-0-2") / "progress.json"
    kept = finish_after.read_text()
    finish_after.unlink()
    finish_after.parent.rmdir()
    finish(experiment)
    finish_after.write_text(kept)
    text = show(experiment)
    assert "✓✓✓" in row(text, "LSTM") and "out of memory" not in text


@pytest.mark.parametrize(
    ("facts", "mark"),
    [
        ({"pid": GONE}, "?"),
        ({"pid": GONE, "host": "elsewhere"}, "▸"),  # cannot be asked, but was heard of lately
        ({"host": "elsewhere", "time": NOW - 3600}, "?"),
        ({"time": NOW - 3600}, "▸"),  # silent, but its process lives: a long epoch
    ],
)
def test_jobs_that_died_silently_are_interrupted(experiment, facts, mark):
    folder = report(experiment, **facts)
    text = show(experiment)
    assert mark in row(text, "LSTM")
    listed = f"interrupted: LSTM on Parity, seeds 0–2\n    see {folder}/train.log"
    assert (listed in text) == (mark == "?")


@pytest.mark.parametrize(("started", "mark"), [(0.0, "▸"), (-3600.0, "?")])
def test_the_number_of_a_dead_process_that_another_has_now(experiment, started, mark):
    report(experiment, started=process_start(os.getpid()) + started)
    assert mark in row(show(experiment), "LSTM")


def test_silence_is_told(experiment):
    report(experiment, time=NOW - 300)
    assert "(last heard of 5 min ago)" in show(experiment)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "running"}', '{"seeds": {"9": {}}}'])
def test_half_written_progress_says_nothing(experiment, text):
    (report(experiment) / "progress.json").write_text(text)
    assert "0 of 12 runs done, 12 waiting" in show(experiment)


@pytest.mark.parametrize("name", ["cell.json", "accuracy.csv"])
def test_half_written_records_are_not_done(experiment, name):
    path = finish(experiment) / name
    path.write_bytes(path.read_bytes()[:20])
    assert "0 of 12 runs done" in show(experiment)


def test_runs_of_another_config_are_outdated(experiment):
    finish(experiment)
    experiment.hidden = 32
    text = show(experiment)
    assert "~~~ 100/100" in row(text, "LSTM")
    assert "0 of 12 runs done, 3 outdated, 9 waiting" in text


def test_board_of_a_real_experiment(tmp_path):
    """What `Experiment` offers is what the board asks of it."""
    from fwp.experiment.experiment import load_experiment

    config = Path(__file__).parents[2] / "config.yaml"
    real = load_experiment(config, changes=[f"results={tmp_path}"])
    runs = len(real.models) * len(real.tasks) * len(real.seeds)
    assert f"0 of {runs} runs done, {runs} waiting" in show(real)
    job = next(real.jobs())
    cell = synthetic.write_cell(tmp_path / "cells", job.task, job.model, list(job.seeds))
    assert str(cell) == job.directory
    record = json.loads((cell / "cell.json").read_text())
    record["config"] = real.train_params(job.model, job.task)
    (cell / "cell.json").write_text(json.dumps(record))
    synthetic.seal(cell)
    assert f"{len(job.seeds)} of {runs} runs done" in show(real)


def test_groups_of_seeds_are_joined(tmp_path):
    experiment = Experiment(
        tmp_path, groups={"seeds-0-2": [0, 1, 2], "seed-7": [7], "seeds-8-9": [8, 9]}
    )
    finish(experiment)
    text = show(experiment)
    assert row(text, "LSTM").split()[1:4] == ["3✓3·", "100/100", "6·"]
    assert "3 of 24 runs done" in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_board_fits_the_terminal(tmp_path, width):
    experiment = Experiment(tmp_path, synthetic.MODELS, synthetic.TASKS)
    for task in synthetic.TASKS:
        for model in synthetic.MODELS:
            finish(experiment, task, model, epochs=2)
    text = show(experiment, width=width)
    board = text[: text.index("One mark")]
    assert max(map(len, board.splitlines())) <= width
    blocks = {60: 3, 80: 2, 100: 2, 120: 2}
    assert len(re.findall("^SRWM", board, re.M)) == blocks[width]
    for task in ("Parity", "(aa)*", "Reset Dyck-1", "Shuffle-2"):
        assert board.count(task) == 1


def test_many_running_jobs_are_cut_short(tmp_path):
    experiment = Experiment(tmp_path, [f"m{i}" for i in range(50)], ["parity"])
    for model in experiment.models:
        report(experiment, model=model)
    text = show(experiment)
    assert text.count("epoch 7 of 40") == 40 and "  and 10 more" in text


def test_long_messages_are_whole_but_on_a_board_that_is_renewed(experiment):
    error = " ".join(["word"] * 50)
    folder = report(experiment, state="failed", error=error)
    lines = [f"failed: LSTM on Parity, seeds 0–2: {error}", f"    see {folder}/train.log"]
    assert "\n".join(lines) in show(experiment, width=40)
    text = show(experiment, width=40, wrap=True)
    assert max(map(len, text.splitlines())) <= 40
    assert re.sub(r"\s", "", "".join(lines)) in re.sub(r"\s", "", text)


def test_names_wider_than_the_terminal_are_broken(tmp_path):
    experiment = Experiment(tmp_path, ["a_model_of_a_long_name"], ["a_task_of_a_long_name"])
    text = show(experiment, width=20)
    assert max(map(len, text[: text.index("· waiting")].splitlines())) <= 20
    for name in ("a_model_of_a_long_name", "a_task_of_a_long_name"):
        assert set(name) <= set(text)
    assert "···" in text


def test_names_are_no_markup(tmp_path):
    experiment = Experiment(tmp_path, ["[red]m[/red]"], ["[/]", ":smile:"])
    report(experiment, "[/]", "[red]m[/red]", state="failed", error="[bold]list[0] is [blue]")
    text = show(experiment)
    assert text.splitlines()[0].split() == ["[/]", ":smile:"]
    assert row(text, "[red]m[/red]")
    assert "failed: [red]m[/red] on [/], seeds 0–2: [bold]list[0] is [blue]\n" in text


def test_colours_are_those_of_the_state(experiment):
    finish(experiment)
    plain, painted = show(experiment), show(experiment, colour=True)
    assert "\033[" not in plain and "\033[32m✓\033[0m" in painted
    assert re.sub(r"\033\[[\d;]*m", "", painted) == plain


def test_colours_only_where_wanted(experiment, capsys, monkeypatch):
    def printed():
        board.show(experiment)
        return capsys.readouterr().out

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[" not in printed()  # tests do not run in a terminal
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "\033[" in printed()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in printed()


@pytest.mark.parametrize(("columns", "width"), [(None, 100), ("60", 60)])
def test_a_file_gets_a_hundred_columns(tmp_path, capsys, monkeypatch, columns, width):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    watch.watch(Experiment(tmp_path, synthetic.MODELS, synthetic.TASKS))
    text = capsys.readouterr().out
    assert width - 20 < max(map(len, text.splitlines())) <= width
    assert text.count("runs done") == 1


CODE = "import sys; from test_status import *; {}(Experiment(sys.argv[1]){})"


def python(code, *arguments, **environment):
    """Command and environment that run code with the modules of tests."""
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, (tests.parent, tests, tests / "status")))
    return {
        "args": [sys.executable, "-c", code, *map(str, arguments)],
        "env": os.environ | {"PYTHONPATH": paths} | environment,
    }


def test_a_watched_board_is_renewed_until_it_is_interrupted(experiment):
    ours, its = pty.openpty()
    code = CODE.format("watch.watch", ", seconds=0.1")
    environment = {"COLUMNS": "100", "LINES": "40", "TERM": "xterm"}
    process = subprocess.Popen(
        **python(code, experiment.results, **environment), stdout=its, stderr=subprocess.STDOUT
    )
    os.close(its)
    text = ""
    try:
        while "3 of 12 runs done" not in text:
            text += os.read(ours, 65536).decode(errors="replace")
            if "0 of 12 runs done" in text and not experiment.results.joinpath("cells").exists():
                finish(experiment)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the end of a terminal on Linux
            while more := os.read(ours, 65536):
                text += more.decode(errors="replace")
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(ours)
    assert "Traceback" not in text and "LSTM" in text


def test_a_reader_who_has_gone_is_left_to_the_command_line(experiment):
    read, write = os.pipe()
    os.close(read)
    code = f"try:\n    {CODE.format('board.show', '')}\nexcept BrokenPipeError:\n    os._exit(7)"
    code = code.replace("; ", "\n    ")
    done = subprocess.run(**python(code, experiment.results), stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (7, b"")


def test_terminals_without_unicode_get_letters(experiment):
    finish(experiment)
    done = subprocess.run(
        **python(CODE.format("board.show", ""), experiment.results, PYTHONIOENCODING="ascii"),
        check=True,
        capture_output=True,
    )
    assert "+++ 100/100" in done.stdout.decode("ascii")


def imported_by(code, *modules):
    """Which of the modules are imported by code."""
    code += f"; import sys; print(*({set(modules)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_board_is_quick_to_import():
    """Neither pandas nor PyTorch: the board is asked for often."""
    assert imported_by("import fwp.status.board", "pandas", "torch", "matplotlib") == set()


def test_states_of_jobs_do_not_need_the_board():
    """Stages that ask for them do not run again when the board changes, and planning is quick."""
    modules = ("fwp.status.board", "fwp.report.labels", "rich")
    assert imported_by("import fwp.results.job_state", *modules) == set()


def test_the_board_counts_cells_whose_settings_were_searched(experiment):
    assert "search" not in show(experiment)
    experiment.searched = [("parity", "lstm"), ("anbn", "lstm")]
    path = Path(experiment.chosen("lstm", "anbn"))
    path.parent.mkdir(parents=True)
    path.touch()
    assert "settings chosen by search for 1 of 2 cells" in show(experiment)
