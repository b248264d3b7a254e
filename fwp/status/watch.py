"""The board, or lines of JSON, renewed until they are stopped."""

import contextlib
import json
import time
from collections.abc import Callable

from rich.live import Live

from fwp.status import board
from fwp.status.snapshot import Watcher
from fwp.status.state import Status

SHARE = 0.05  # of one core that watching may take


def watch(experiment, *, slurm: bool = True, seconds: float = 2) -> None:
    """Renew the board of an experiment until Ctrl-C; print it once if there is no terminal.

    Args:
        slurm: as in `fwp.status.board.show`.
        seconds: between two boards, at least: where one takes long to make, they are rarer.
    """
    console = board.Terminal()
    if not console.is_terminal:
        board.show(experiment, slurm=slurm)
        return
    watcher = Watcher(experiment, slurm=slurm)

    def made(status: Status) -> board.Board:
        return board.Board(status, height=console.size.height - 1, wrap=True)

    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(
            made(watcher.look()), console=console, auto_refresh=False, vertical_overflow="crop"
        ) as live,
    ):
        repeat(seconds, lambda: live.update(made(watcher.look()), refresh=True))


def print_json(experiment, *, slurm: bool = True, watch: bool = False, seconds: float = 2) -> None:
    """Print the status as JSON; `watch` prints a line of it every so many seconds until Ctrl-C."""
    watcher = Watcher(experiment, slurm=slurm)

    def line() -> None:
        found = watcher.look().as_dict()
        text = json.dumps(found, allow_nan=False, indent=None if watch else 2)
        print(text, flush=True)

    with contextlib.suppress(KeyboardInterrupt) if watch else contextlib.nullcontext():
        line()
        if watch:
            repeat(seconds, line)


def repeat(seconds: float, act: Callable[[], object]) -> None:
    """Act for ever, every so many seconds, or so rarely that it takes a small `SHARE` of a core."""
    rest = seconds
    while True:
        time.sleep(rest)
        before = time.process_time()
        act()
        rest = max(seconds, (time.process_time() - before) / SHARE)
