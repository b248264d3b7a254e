import os
import time
from pathlib import Path

import pytest

from fwp.benchmarks import apart

HERE = Path(__file__)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent))


def ask(function, **arguments):
    return apart.call(f"{HERE.stem}:{function.__name__}", arguments, limit=5.0)


def number(add):
    return [os.getpid() + add, os.environ["OMP_NUM_THREADS"]]


def test_a_function_answers_from_another_process():
    (process, threads), reason = ask(number, add=0)
    assert process != os.getpid()
    assert threads == "1" and reason == ""


def failing():
    raise ValueError("no such thing")


def test_an_error_is_the_reason():
    assert ask(failing) == (None, "ValueError: no such thing")


def sleeping(seconds):
    time.sleep(seconds)


def test_no_answer_in_time_ends_the_process():
    start = time.monotonic()
    answer = apart.call(f"{HERE.stem}:sleeping", {"seconds": 60}, limit=0.5)
    assert answer == (None, "more than 0.5 s")
    assert time.monotonic() - start < 30


def cores():
    return len(os.sched_getaffinity(0))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_the_process_has_one_core():
    assert ask(cores).value == 1
