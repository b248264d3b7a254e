"""Python modules run as commands, in forks of a process that has imported the libraries.

Snakemake takes longer to import than to plan a small grid, and tests run it a hundred times. What
a fork imports of the project, it imports itself: tests edit copies of the project.
"""

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

LIBRARIES = (
    *("snakemake.cli", "snakemake.api", "numpy", "jsonschema", "yaml", "rich.console"),
    *("smart_open", "statistics"),
)
"""What every run of Snakemake imports, and nothing that planning must do without."""


def run(module: str, folder: Path, *arguments: str, environment: dict[str, str]) -> tuple[int, str]:
    """The exit status of `python -m module …` in `folder`, and what it printed."""
    server, printed = _server(), os.memfd_create("printed")
    path = f"/proc/{os.getpid()}/fd/{printed}"
    request = [module, str(folder), list(arguments), environment, path]
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    status = json.loads(server.stdout.readline())
    with os.fdopen(printed, encoding="utf-8") as file:
        file.seek(0)
        return status, file.read()


@cache
def _server() -> subprocess.Popen:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen([sys.executable, __file__], text=True, env=environment, **pipes)
    atexit.register(server.stdin.close)
    return server


def _serve() -> None:
    sys.path.pop(0)  # the folder of tests
    own = list(sys.path)
    for name in LIBRARIES:
        __import__(name)
    sys.modules["snakemake.cli"].get_argument_parser()  # imports all plugins
    assert "fwp" not in sys.modules and "torch" not in sys.modules
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(*json.loads(line), own)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)


def _become(module, folder, arguments, environment, printed, path) -> None:
    """Be `python -m module …`, in a process of its own; does not return."""
    import runpy

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(printed, os.O_WRONLY | os.O_APPEND), 1)
    os.dup2(1, 2)
    sys.path[:] = [folder, *path]
    sys.argv = [module, *arguments]
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        status = stop.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
        status = 0 if status is None else status if isinstance(status, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    # What a process does as it ends: functions of atexit, and threads that it waits for.
    sys.exit(status)


if __name__ == "__main__":
    _serve()
