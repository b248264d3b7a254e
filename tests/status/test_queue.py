"""What `squeue` says, and what becomes of the board when it does not answer."""

import os
import threading
from dataclasses import asdict

import pytest
from test_status import Experiment, report, show

from fwp.status import run, slurm
from fwp.status.slurm import Squeue
from fwp.status.snapshot import Watcher

LINES = """\
7|RUNNING|None|n1|{folder}|rule_train_wildcards_parity_lstm_seeds-0-2
8|PENDING|Resources||{folder}|rule_train_wildcards_anbn_lstm_seeds-0-2
9|PENDING|Priority||/elsewhere|rule_train_wildcards_anbn_my_model_seeds-0-2
"""


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Let a script stand for squeue; what it does is given as text of the shell."""

    def install(script):
        program = tmp_path / "bin/squeue"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return install


@pytest.fixture
def on_slurm(tmp_path, monkeypatch, squeue):
    """An experiment whose run is on Slurm, with jobs in the queue."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queue").write_text(LINES.format(folder=tmp_path))
    squeue(f"cat {tmp_path}/queue")
    experiment = Experiment(tmp_path)
    run.begin(tmp_path, slots=None, executor="slurm")
    return experiment


def test_jobs_of_the_runs_folder(on_slurm):
    status = Watcher(on_slurm).look()
    assert status.queue.counts() == {"RUNNING": 1, "PENDING": 1}
    assert status.queue.reasons() == {"Resources": 1}
    found = {(j["task"], j["model"]): j for j in status.as_dict()["jobs"]}
    waiting = found["anbn", "lstm"]
    assert (waiting["slurm"], waiting["slurm_state"]) == ("8", "PENDING")
    assert waiting["slurm_reason"] == "Resources"
    assert found["anbn", "my_model"]["slurm"] is None
    assert "Slurm: 1 running, 1 pending (waiting: 1 Resources)" in show(on_slurm, slurm=True)


def test_a_silent_job_runs_if_slurm_says_so(on_slurm):
    """A long epoch on another node: nothing was heard for an hour."""
    old = {"host": "n1", "time": 1.0}
    report(on_slurm, **old)
    assert "interrupted" in show(on_slurm, slurm=True)
    report(on_slurm, **old, slurm="7")
    text = show(on_slurm, slurm=True)
    assert "interrupted" not in text and "Slurm job 7 on n1" in text
    report(on_slurm, "anbn", **old, slurm="8")  # its node failed
    assert "waits in Slurm's queue again (Resources)" in show(on_slurm, slurm=True)
    assert "squeue" not in show(on_slurm) and "Slurm:" not in show(on_slurm)


def test_a_squeue_that_fails_is_told_and_left_alone(on_slurm, squeue, tmp_path):
    watcher = Watcher(on_slurm)
    assert watcher.look().queue.error is None
    asked = tmp_path / "asked"
    squeue(f"echo x >> {asked}; echo 'slurm_load_jobs error: no controller' >&2; exit 1")
    watcher._squeue._next = 0.0
    watcher.look()
    watcher._squeue._thread.join()
    for _ in range(3):
        queue = watcher.look().queue
    assert queue.error == "squeue: slurm_load_jobs error: no controller"
    assert len(queue.jobs) == 2  # of its last answer
    assert asked.read_text().count("x") == 1


def test_a_squeue_that_hangs_does_not_hold_up_the_board(squeue, tmp_path, monkeypatch):
    """The first board waits as long as squeue may take, and the others not at all."""
    monkeypatch.setattr(slurm, "PATIENCE", 0.2)
    squeue("exec sleep 30")
    queue = Squeue(tmp_path)
    assert queue.look() is None
    assert queue.look(wait=True).error == "squeue has not answered within 0.2 s"
    queue._next = 0.0
    assert queue.look(wait=True).error  # the last answer, while it is asked again
    for thread in threading.enumerate():
        if thread is queue._thread:
            thread.join()


def test_local_runs_ask_nobody(tmp_path, squeue):
    squeue(f"touch {tmp_path}/asked")
    run.begin(tmp_path, slots=2, executor="local")
    assert Watcher(Experiment(tmp_path)).look().queue is None
    assert not (tmp_path / "asked").exists()


def test_a_run_that_was_killed_is_not_alive(tmp_path):
    assert run.read_run(tmp_path) is None
    run.begin(tmp_path, slots=2, executor="local")
    begun = run.read_run(tmp_path)
    assert begun.alive() and begun.slots == 2
    assert not run.Run(**asdict(begun) | {"pid": 2**22 + 1}).alive()
    assert not run.Run(**asdict(begun) | {"started": 1.0}).alive()  # another process now
    assert run.Run(**asdict(begun) | {"host": "login2", "pid": 2**22 + 1}).alive()
    run.end(tmp_path, "done")
    ended = run.read_run(tmp_path)
    assert ended.state == "done" and not ended.alive() and ended.ended >= ended.began
    (tmp_path / run.FILE).write_text("{}")
    assert run.read_run(tmp_path) is None
