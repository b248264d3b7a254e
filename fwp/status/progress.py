"""What a running job tells the world: a bar in its log and a small file for `fwp status`."""

import contextlib
import math
import os
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tqdm import tqdm

from fwp.datasets.spec import TaskSettings
from fwp.experiment.cell import Cell, TrainedCell
from fwp.results.heartbeat import process_start
from fwp.status.pace import PACE, in_words, pace
from fwp.utils import signals
from fwp.utils.files import naming, write_json

BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
"""Of texts, which tell their speed and the time left themselves."""


class Searched(NamedTuple):
    """A cell whose settings are not known yet, as far as `Progress` asks."""

    task: TaskSettings
    names: dict[str, str]

    @classmethod
    def of(cls, cell: Mapping[str, Any]) -> "Searched":
        """Of a `Cell` as a plain dict."""
        task = TaskSettings.from_dict(cell["task"])
        return cls(task, {"task": task.name, "model": cell["model"]["name"]})


class Progress:
    """Progress of the seeds of one cell.

    Args:
        cell: what is trained or measured.
        seeds: the seeds of this job.
        epochs: budget of each.
        stage: "train", "evaluate" or "search".
        trials: how many runs a search trains at most.
        path: the file for `fwp status`, rewritten at most once a second; None for no file.
        stream: where the bar is drawn; a log file or a terminal.
    """

    def __init__(
        self,
        cell: Cell | TrainedCell | Searched,
        seeds: list[int],
        epochs: int,
        *,
        stage: str = "train",
        trials: int | None = None,
        path: str | Path | None = None,
        stream: TextIO | None = None,
    ):
        self.task, self.epochs = cell.task, epochs
        self.path = path
        self.stream = stream or sys.stderr
        self.bar = tqdm(disable=True)  # until seeds begin
        self.running: list[int] = []
        self.written = 0.0
        self.report = {
            "state": "running",
            "stage": stage,
            **cell.names,
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "host": socket.gethostname(),
            "slurm": os.environ.get("SLURM_JOB_ID"),
            "trials": trials,
            "time": time.time(),
            "seeds": {str(seed): {"status": "waiting", "epochs": epochs} for seed in seeds},
        }
        self.write(force=True)

    def write(self, *, force: bool = False) -> None:
        """Rewrite the status file, unless that happened within the last second."""
        if self.path is None or (time.time() - self.written < 1 and not force):
            return
        self.written = self.report["time"] = time.time()
        write_json(self.path, self.report, flush=False)

    def start(self, seeds: Sequence[int], total: int) -> None:
        """Seeds begin, to be trained together; `total` is the number of epochs of each."""
        self.report["device"] = _device()
        for seed in seeds:
            self.report["seeds"][str(seed)]["status"] = "running"
        self.running = list(seeds)
        label = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}-{seeds[-1]}"
        self.bar = tqdm(
            total=total,
            desc=f"{self.report['model']} on {self.report['task']}, {label}",
            unit="epoch",
            bar_format=None if self.task.kind == "strings" else BAR,
            file=self.stream,
            dynamic_ncols=self.stream.isatty(),
            ncols=None if self.stream.isatty() else 120,
            mininterval=0.5 if self.stream.isatty() else 5,
        )
        self.write()

    def update(self, seed: int, **facts) -> None:
        """A seed was measured; `facts` go into the status file, and their means to the bar.

        `epoch` is the number of those that are over. The bar moves when all seeds that are still
        being trained have had one more.
        """
        # JSON has no NaN, which the loss of a diverged run is.
        told: dict[str, Any] = facts | {
            "loss": facts["loss"] if math.isfinite(facts["loss"]) else None
        }
        if self.task.kind != "strings":  # whose validation bins hold probabilities
            told |= {"accuracy": {}} | pace(self.task, facts, self.epochs)
            told["said"] = in_words(**{key: told[key] for key in PACE})
        self.report["seeds"][str(seed)].update(told)
        if seed != self.running[-1]:
            return
        latest = [self.report["seeds"][str(s)] for s in self.running]
        losses = [math.nan if x["loss"] is None else x["loss"] for x in latest]
        loss = sum(losses) / len(losses)
        if self.task.kind != "strings":
            self.bar.set_postfix_str(f"loss {loss:.4f}  {self._pace(latest)}", refresh=False)
            self.bar.update(facts["epoch"] - self.bar.n)
            self.write()
            return
        means = {
            k: sum(x["accuracy"][k] for x in latest) / len(latest)
            for k in facts.get("accuracy", {})
        }
        accuracies = "  ".join(f"{k} {v:6.1%}" for k, v in means.items())
        self.bar.set_postfix_str(f"loss {loss:.4f}  {accuracies}", refresh=False)
        self.bar.update(facts["epoch"] - self.bar.n)  # more than one if training was resumed
        self.write()

    def _pace(self, latest: list[dict]) -> str:
        """Mean validation loss of seeds, tokens per second of all, and the time left."""
        known = [x for x in latest if x["bits"] is not None and x["rate"] is not None]
        if not known:
            return ""
        bits = sum(x["bits"] for x in known) / len(known)
        rate, last = sum(x["rate"] for x in known), known[-1]
        return "  ".join(in_words(bits, last["unit"], rate, last["items"], last["left"]))

    def finish(self, seed: int, status: str) -> None:
        """A seed is over, with the `status` of its record."""
        self.report["seeds"][str(seed)]["status"] = status
        self.running.remove(seed)
        if not self.running:
            self.bar.close()
        self.write(force=True)

    def close(self, error: BaseException | None = None) -> None:
        """The job is over, or has been interrupted or failed with `error`."""
        if error is None:
            self.report["state"] = "done"
        elif isinstance(error, KeyboardInterrupt):
            self.report["state"] = "interrupted"
        else:
            text = str(error).strip() or type(error).__name__
            self.report |= {"state": "failed", "error": text.splitlines()[0]}
        self.bar.close()  # what is said next in the log stands in a line of its own
        self.write(force=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind, error, trace) -> None:
        self.close(error)


def _device() -> str:
    """What this process computes on: cpu, or the GPU's name and number."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return "cpu"
    number = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    name = torch.cuda.get_device_name()
    return f"{name} #{number}" if number.isdecimal() else name


@contextlib.contextmanager
def logging_to(path: str | Path | None) -> Iterator[TextIO]:
    """Yield the log file `path`, to which stdout and stderr go meanwhile; None leaves them alone.

    An error of this package's own says what is wrong in one line: it is written to the log, and the
    process ends, as it does at SIGTERM and SIGINT. Of any other exception the traceback is written
    before it travels on.
    """
    if path is None:
        yield sys.stderr
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.open("w", encoding="utf-8", buffering=1)
    try:
        with (
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
            signals.raising(),
            naming(path),
        ):
            yield log
    except signals.Interrupted as error:
        _tell(str(error), log)
        raise SystemExit(128 + error.number) from None
    except BaseException as error:
        if type(error).__module__.startswith("fwp."):
            _tell(f"error: {error}", log)
            raise SystemExit(1) from None
        _tell(traceback.format_exc().rstrip(), log)
        raise
    finally:
        with contextlib.suppress(OSError):
            log.close()


def _tell(text: str, log: TextIO) -> None:
    try:
        print(text, file=log)
    except OSError:  # the disk is full: Snakemake's own log may lie elsewhere
        print(text, file=sys.__stderr__)
