"""What failed and why: the last words of a log, and many failures that are alike as one."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TAIL = 16_384  # bytes of a log that are looked through
LONGEST = 300  # characters of a reason
# What an exception of Python says of itself: its class, with modules, and a message.
_EXCEPTION = re.compile(
    r"(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Memory)\b"
)
_BAR = re.compile(r"\d+%\|.*\|")
_TRACEBACK = ("Traceback", '  File "')
_OURS = ("error: ", "interrupted by ")
# Why Slurm, or the system, has ended a job: told by no exception.
_KILLED = re.compile(r"oom[-_ ]kill|out of memory|DUE TO TIME LIMIT|CANCELLED AT|Killed", re.I)


def last_words(path: str | Path) -> str | None:
    """Why a job ended, in the last words of its log; None if it says nothing of an error.

    The message of the last exception, in one line, or the line of an error of this package's own.
    """
    lines = _tail(path)
    for i in range(len(lines) - 1, -1, -1):
        if lines[i].startswith(_OURS):
            return lines[i][:LONGEST]
        if _EXCEPTION.match(lines[i]) and any(x.startswith(_TRACEBACK) for x in lines[:i]):
            return " ".join(" ".join(lines[i:]).split())[:LONGEST]
    return None


def killed(path: str | Path) -> str | None:
    """What the log of a scheduler says of why a job was killed; None if it says nothing."""
    return next((x.strip()[:LONGEST] for x in reversed(_tail(path)) if _KILLED.search(x)), None)


def _tail(path: str | Path) -> list[str]:
    """The last lines of a file, without progress bars; none if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - one call less per log
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    parts = (line.rpartition("\r")[2] for line in text.split("\n"))
    return [line for line in parts if line.strip() and not _BAR.search(line)]


@dataclass
class Failure:
    """Jobs that failed alike.

    Attributes:
        kind: failed, damaged or interrupted.
        reason: in one line; None if nothing tells.
        jobs: names of each: of its cell, if it has one, or else of the rule.
        logs: of each, as far as there is one.
    """

    kind: str
    reason: str | None
    jobs: list[dict]
    logs: list[str]


def grouped(failures: Iterable[Failure]) -> list[Failure]:
    """Failures of one kind and reason as one; reasons that differ in numbers alone are alike."""
    found: dict[tuple[str, str | None], Failure] = {}
    for failure in failures:
        alike = failure.reason and re.sub(r"\d+(?:\.\d+)?", "0", failure.reason)
        key = failure.kind, failure.reason if failure.kind == "damaged" else alike
        if key not in found:
            found[key] = Failure(failure.kind, failure.reason, [], [])
        found[key].jobs += failure.jobs
        found[key].logs += failure.logs
    return list(found.values())
