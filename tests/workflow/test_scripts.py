"""Scripts of the jobs: what a signal does while they start."""

import ast
import runpy
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from project import ROOT

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
