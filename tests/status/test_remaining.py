"""The time left: what finished jobs and running ones say of it."""

import math
from pathlib import Path

import pytest

from fwp.results.heartbeat import Heartbeat, Known
from fwp.results.job_state import JobState, RunState
from fwp.status.remaining import AFTER, Remaining

NOW = 1e9
SECONDS = {"fast": 10.0, "slow": 100.0}
EVALUATE = 1.0


def guess(rule, model, task, seeds):
    """Ten or a hundred seconds per seed; reports take two."""
    if model is None:
        return 2.0
    return seeds * (SECONDS[model] if rule == "train" else EVALUATE)


def job(model="fast", task="parity", state="waiting", seconds=0.0, seeds=1, epochs=10):
    runs = {
        i: RunState(state, epoch=epochs if seconds else None, epochs=10, seconds=seconds or None)
        for i in range(seeds)
    }
    return JobState(model, task, Path(f"{model}/{task}/seeds"), runs, heard=NOW)


def training(model="fast", *, known, ago=0.0):
    beat = Heartbeat("running", "train", NOW - ago, 1, "here", NOW - 30, None, known)
    states = {"running": "running", "waiting": "waiting", "solved": "trained"}
    runs = {i: RunState(states[k.status], known=k) for i, k in known.items()}
    return JobState(model, "parity", Path(f"{model}/parity/on"), runs, heard=NOW - ago, beat=beat)


def known(status="running", passed=None, seconds=None, epochs=10):
    return Known(status=status, passed=passed, seconds=seconds, epochs=epochs)


def left(jobs, slots=1):
    remaining = Remaining(guess)
    remaining.learn(jobs)
    found = remaining.left(jobs, NOW, slots)
    assert found.low <= found.seconds <= found.high
    return found


AFTERWARDS = 2.0 * len(AFTER)


def test_before_anything_is_finished_it_is_the_estimate():
    found = left([job(), job("slow", seeds=2)])
    assert found.seconds == 10 + 1 + 200 + 2 + AFTERWARDS
    assert (found.measured, found.unknown) == (0, ["fast", "slow"])
    assert found.high - AFTERWARDS > 3 * (found.seconds - AFTERWARDS)


def test_jobs_run_side_by_side_and_the_longest_ends_last():
    assert left([job(task=str(i)) for i in range(4)], 2).seconds == 22 + AFTERWARDS
    assert left([job(), job("slow")], 2).seconds == 101 + AFTERWARDS


def test_finished_jobs_correct_the_estimate():
    """All jobs take three times as long as estimated: so will those that are left."""
    done = [job(task=str(i), state="budget", seconds=30.0) for i in range(6)]
    found = left([*done, job(task="new", state="waiting")])
    assert found.seconds - AFTERWARDS == pytest.approx(3 * 11)
    assert found.measured == 6 and found.unknown == []
    first = left([*done[:1], job(task="new")])
    assert (first.high / first.low) > 1.5 * (found.high / found.low)


def test_a_model_that_is_slower_than_estimated_is_known_by_its_jobs():
    jobs = [job(task=str(i), state="budget", seconds=10.0) for i in range(4)]
    jobs += [job("slow", task=str(i), state="budget", seconds=1000.0) for i in range(4)]
    remaining = Remaining(guess)
    remaining.learn(jobs)
    slow, fast = (remaining.of_job(job(model, "new"), NOW) for model in ("slow", "fast"))
    assert 600 < slow < 1200 and 8 < fast < 20


def test_a_busier_machine_is_noticed():
    """The last eight jobs took twice as long as the same ones before."""
    early, late = (
        [job(task=str(i), state="budget", seconds=s) for i in range(8)] for s in (10.0, 20.0)
    )
    for i, one in enumerate([*early, *late]):
        one.heard, one.folder = NOW + i, Path(str(i))
    remaining = Remaining(guess)
    remaining.learn([*early, *late])
    assert remaining.of_job(job(task="3"), NOW) > 1.2 * 11 * math.sqrt(2)


def test_a_running_job_tells_its_own_rate():
    """Two epochs took eight seconds: eight more take 32, and less if runs end early."""
    one = training(known={0: known(passed=2, seconds=8)})
    remaining = Remaining(guess)
    assert remaining.of_training(one, NOW) == 32
    assert remaining.of_training(one, NOW, share=0.5) == 16
    late = training(known={0: known(passed=2, seconds=8)}, ago=5)
    assert remaining.of_training(late, NOW) == 27
    assert remaining.of_training(training(known={0: known()}), NOW) is None


def test_seeds_that_wait_for_their_turn_count():
    told = {0: known("solved", 4, 20), 1: known(passed=1, seconds=5), 2: known("waiting")}
    assert Remaining(guess).of_training(training(known=told), NOW) == 45 + 50


def test_seeds_of_a_pack_take_no_longer_than_one():
    told = {i: known(passed=5, seconds=10) for i in range(8)}
    assert Remaining(guess).of_training(training(known=told), NOW) == 10


def test_a_job_that_says_nothing_yet_has_its_elapsed_time_behind_it():
    found = left([training("slow", known={0: known()})])
    assert found.seconds == 100 - 30 + 1 + AFTERWARDS


def test_runs_that_end_early_make_others_expect_the_same():
    done = [job(task=str(i), state="solved", seconds=10.0, epochs=2) for i in range(3)]
    remaining = Remaining(guess)
    remaining.learn(done)
    one = training(known={0: known(passed=1, seconds=4)})
    assert remaining.of_job(one, NOW) == pytest.approx(0.2 * 36 + EVALUATE)


def test_nothing_is_left_of_a_finished_or_failed_job():
    jobs = [job(state="budget", seconds=9.0), job(task="b", state="failed")]
    jobs[1].error = "why"
    assert left(jobs).seconds == 0


def test_snakemakes_clock_counts_what_the_job_does_not(tmp_path):
    one = job(state="budget", seconds=9.0)
    one.folder = tmp_path
    remaining = Remaining(guess)
    remaining.learn([one])
    assert remaining.of_job(job(), NOW) == pytest.approx(0.9 * 11)
    (tmp_path / "train.benchmark.tsv").write_text("s\th:m:s\n20.0\t0:00:20\n")
    one.heard = NOW + 1
    remaining.learn([one])
    assert remaining.of_job(job(), NOW) == pytest.approx(2 * 11)
