"""Why a job failed, by the last words of its log; and failures that are alike."""

import pytest

from fwp.status.failures import Failure, grouped, killed, last_words

TRACEBACK = "Traceback (most recent call last):\n  File 'x.py', line 3, in f\n    g()\n"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (TRACEBACK + "RuntimeError: sizes differ\n", "RuntimeError: sizes differ"),
        (TRACEBACK + "RuntimeError: sizes\n  differ: 3\n\n", "RuntimeError: sizes differ: 3"),
        (TRACEBACK + "torch.cuda.OutOfMemoryError: CUDA\n", "torch.cuda.OutOfMemoryError: CUDA"),
        (
            TRACEBACK + "KeyError: 1\n\nDuring handling:\n\n" + TRACEBACK + "OSError: full\n",
            "OSError: full",
        ),
        ("a: 10%|█  | 1/9\rb: 20%|██ | 2/9\nerror: x.npz: cut short\n", "error: x.npz: cut short"),
        ("interrupted by SIGTERM\n", "interrupted by SIGTERM"),
        ("100%|███| 9/9 [ValueError: no]\nall is well\n", None),
        ("warning: RuntimeError: is only mentioned\n", None),
        ("", None),
    ],
)
def test_the_last_words_of_a_log(tmp_path, log, expected):
    path = tmp_path / "train.log"
    path.write_text(log)
    assert last_words(path) == expected


def test_a_log_that_is_not_there_says_nothing(tmp_path):
    assert last_words(tmp_path / "train.log") is None and killed(tmp_path / "1.log") is None


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    path = tmp_path / "train.log"
    path.write_text("x" * 10**6 + "\n" + TRACEBACK + "ValueError: why\n")
    assert last_words(path) == "ValueError: why"


def test_slurm_says_why_it_killed_a_job(tmp_path):
    path = tmp_path / "7.log"
    said = "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0."
    path.write_text(f"Building DAG\n{said}\nsrun: done\n")
    assert killed(path) == said


def failure(reason, name, kind="failed"):
    return Failure(kind, reason, [{"stage": "train", "model": name}], [f"{name}.log"])


def test_failures_that_differ_in_numbers_are_one():
    found = grouped(
        [
            failure("no memory for 3 GB", "a"),
            failure("bug", "b"),
            failure("no memory for 12.5 GB", "c"),
        ]
    )
    assert [(f.reason, f.logs) for f in found] == [
        ("no memory for 3 GB", ["a.log", "c.log"]),
        ("bug", ["b.log"]),
    ]
    damaged = [failure(f"seed-{i}/cell.json: cut short", "a", "damaged") for i in (1, 2)]
    assert len(grouped(damaged)) == 2  # each names a file
