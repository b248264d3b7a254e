import json
import os
import signal
import sys
import time
import traceback

import pytest

from fwp.utils import signals
from fwp.utils.locks import cell_lock


@pytest.fixture
def owner(tmp_path):
    """A process that holds the lock of the cell `tmp_path` until it is killed; its number."""
    process = os.fork()
    if process == 0:
        try:
            with cell_lock(tmp_path):
                report = {"pid": os.getpid(), "host": "elsewhere"}
                (tmp_path / "progress.json").write_text(json.dumps(report))
                time.sleep(60)
        finally:
            os._exit(1)
    while not (tmp_path / "progress.json").exists():
        time.sleep(0.01)
    yield process
    if os.waitpid(process, os.WNOHANG) == (0, 0):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def test_a_free_cell_is_locked_without_a_word(tmp_path, capsys):
    with cell_lock(tmp_path / "cell"):
        assert (tmp_path / "cell").is_dir()
    assert list((tmp_path / "cell").iterdir()) == []
    assert capsys.readouterr().out == ""


def test_the_second_job_waits_and_says_for_whom(tmp_path, owner, capsys):
    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeoutError), cell_lock(tmp_path, poll=0.01):
            pass
    finally:
        signal.signal(signal.SIGALRM, before)
    expected = f"{tmp_path}: process {owner} on elsewhere is at work on this cell: waiting for it\n"
    assert capsys.readouterr().out == expected


def test_a_dead_owner_blocks_nobody(tmp_path, owner):
    os.kill(owner, signal.SIGKILL)
    with cell_lock(tmp_path, poll=0.01):
        assert (tmp_path / ".lock").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_interrupted_while_it_waits_says_so_and_ends(tmp_path, owner, number):
    """As `train.py` does: an exit status, two lines, no traceback."""
    output = tmp_path / "output"
    process = os.fork()
    if process == 0:
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.stdout = sys.stderr = output.open("w", buffering=1)
            with signals.exiting(), cell_lock(tmp_path):
                pass
        except SystemExit as error:
            code = error.code
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    while "waiting for it" not in (output.read_text() if output.exists() else ""):
        time.sleep(0.01)
    os.kill(process, number)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 128 + number
    holder = f"process {owner} on elsewhere"
    assert output.read_text().splitlines() == [
        f"{tmp_path}: {holder} is at work on this cell: waiting for it",
        f"{tmp_path}: interrupted while waiting for {holder}",
    ]


def test_never_two_at_a_time(tmp_path):
    """Many processes enter and leave; each finds the place empty."""
    place, processes = tmp_path / "inside", []
    for _ in range(4):
        process = os.fork()
        if process == 0:
            try:
                for _ in range(50):
                    with cell_lock(tmp_path, poll=0.001):
                        place.touch(exist_ok=False)
                        place.unlink()
                os._exit(0)
            finally:
                os._exit(1)
        processes.append(process)
    assert [os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in processes] == [0] * 4
