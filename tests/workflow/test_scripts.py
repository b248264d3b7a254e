"""Scripts of the jobs: what a signal does while they start."""

import ast
import os
import runpy
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import tiny
from project import ROOT

from fwp.datasets.dataset import save_dataset
from fwp.training.trainer import Trainer

SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))

# Starts a script that sends itself a signal when it imports a certain module. A script that goes on
# after its imports ends with 99: it has lost the signal.
START = """
import os, runpy, signal, sys
script, log, module, number = sys.argv[1:]

class Sender:
    def find_spec(self, name, path, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(number))

class Snakemake:
    log = [log]
    def __getattr__(self, name):
        sys.exit(99)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Sender())
runpy.run_path(script, init_globals={"snakemake": Snakemake()})
"""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_signals_are_held_while_a_script_imports(script):
    """In the block of `logging_to`, where signals raise, all imports are within `deferred`."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.With))
    assert "logging_to" in ast.unparse(block.items[-1])
    first, *rest = block.body
    assert isinstance(first, ast.With) and ast.unparse(first.items[0]) == "signals.deferred()"
    imports = (ast.Import, ast.ImportFrom)
    assert all(isinstance(node, imports) for node in first.body)
    assert not [n for statement in rest for n in ast.walk(statement) if isinstance(n, imports)]


@pytest.mark.parametrize(
    ("script", "module", "number"),
    [
        # PyTorch imports NumPy from C, and swallows what is raised meanwhile.
        ("retrieve", "numpy", signal.SIGTERM),
        ("retrieve", "numpy.lib", signal.SIGINT),
        ("collect", "pandas._libs", signal.SIGTERM),
    ],
)
def test_a_signal_while_a_script_starts_ends_it(tmp_path, script, module, number):
    path, log = ROOT / f"workflow/scripts/{script}.py", tmp_path / "log"
    command = [sys.executable, "-c", START, path, log, module, str(int(number))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number, done.stderr
    assert log.read_text() == f"interrupted by {number.name}\n"
    assert done.stdout == done.stderr == ""


def test_strings_of_one_class_are_warned_of_in_the_log_and_beside_it(tmp_path, capfd):
    spec = {
        "name": "ones",
        "language": "tomita_1",
        "params": {},
        "seed": 0,
        "train": {"min_length": 2, "max_length": 8, "count": 5},
        "validation": {"bins": [[2, 8]], "count": 5},
        "test": {"bins": [[2, 8]], "count": 5},
    }
    for language, expected in (
        ("tomita_1", "warning: task ones: All training targets "),
        ("parity", ""),
    ):
        job = SimpleNamespace(
            log=[tmp_path / "log"],
            output=[tmp_path / "train.npz"],
            params=SimpleNamespace(data={"dataset": spec | {"language": language}}),
        )
        runpy.run_path(str(ROOT / "workflow/scripts/data.py"), init_globals={"snakemake": job})
        said = capfd.readouterr().err
        assert said.startswith(expected) and bool(said) == bool(expected)
        assert (tmp_path / "log").read_text() == said


def test_a_search_that_is_told_to_end_goes_on(tmp_path, monkeypatch):
    train = {"min_length": 2, "max_length": 8, "count": 100}
    lengths = {"bins": [[2, 6], [7, 9]], "count": 20}
    changes = {"train": train, "validation": lengths, "test": lengths}
    spec = tiny.SPEC | changes
    save_dataset(tiny.draw(**changes), tmp_path / "data.npz")
    own = tiny.cell("elman", epochs=60).as_dict()
    search = {
        "trials": 2,
        "method": "grid",
        "seeds": 1,
        "seed": 0,
        "halving": None,
        "budget": None,
        "space": {"training.learning_rate": [1e-6, 1e-7]},  # so that none is solved
    }
    folder = tmp_path / "search"
    log = folder / "search.log"
    job = SimpleNamespace(
        params=SimpleNamespace(job={"cell": own, "search": search}, spec=spec),
        input=SimpleNamespace(dataset=tmp_path / "data.npz"),
        output=SimpleNamespace(chosen=folder / "chosen.json", trials=folder / "trials.csv"),
        log=[log],
        threads=1,
        resources=SimpleNamespace(device="cpu"),
    )
    ended, trained = threading.Event(), []
    run = Trainer.run

    def running(trainer, *arguments, **options):
        trained.append(trainer)
        return run(trainer, *arguments, **options)

    monkeypatch.setattr(Trainer, "run", running)

    def stop():
        while not ended.wait(0.001):
            if len(trained) == 2:  # the second trial is at work
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def start():
        runpy.run_path(str(ROOT / "workflow/scripts/search.py"), init_globals={"snakemake": job})

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        with pytest.raises(SystemExit) as error:
            start()
    finally:
        ended.set()
        thread.join()
    assert error.value.code == 128 + signal.SIGTERM
    assert log.read_text(encoding="utf-8").endswith("interrupted by SIGTERM\n")
    assert not (folder / "chosen.json").exists()
    start()
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "1 of 2 runs are known from before"
    assert "going on from there" in lines[1]
    assert lines[2].startswith("trial 1 (") and lines[2].endswith(" after 60 epochs")
    assert lines[3].startswith("chosen of 2: ") and len(lines) == 4
    assert (folder / "trials.csv").read_text(encoding="utf-8").count("True") == 1
