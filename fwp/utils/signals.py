"""SIGTERM and SIGINT as one exception that never comes in the middle of a step.

A scheduler ends a job by SIGTERM, which reaches every process of it; Ctrl-C sends SIGINT to the
whole foreground group: Snakemake, the shell between, and the script. Each of them hears for itself,
so that a script need not be told by Snakemake, and has until SIGKILL (some 30 s) to save its work.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_depth = 0  # of `held` sections
_pending: int | None = None  # the signal that came within them


class Interrupted(KeyboardInterrupt):
    """A signal has asked this process to end; `number` says which."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(f"interrupted by {signal.Signals(number).name}")


def _handle(number: int, _frame) -> None:
    global _pending
    if _depth:
        _pending = number
    else:
        raise Interrupted(number)


@contextmanager
def raising() -> Iterator[None]:
    """Let SIGTERM and SIGINT raise `Interrupted` meanwhile; may be nested.

    A signal that is ignored stays so, as SIGINT is in a shell's background jobs. Outside the main
    thread, where no signal arrives, nothing changes.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        wanted = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, _handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def exiting() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the process, with the exit status of a shell and no traceback."""
    try:
        with raising():
            yield
    except Interrupted as error:
        raise SystemExit(128 + error.number) from None


@contextmanager
def deferred() -> Iterator[None]:
    """Hold signals that would be raised back until the block is over.

    Imports of PyTorch belong in such a block. PyTorch imports NumPy and swallows every exception
    meanwhile, so that the signal would be lost, or NumPy would stay half imported.
    """
    global _depth, _pending
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth and _pending is not None:
            number, _pending = _pending, None
            raise Interrupted(number)
