"""Checkpoints: where a cell's training stands, on disk, so that a killed job goes on from there.

A checkpoint is a safetensors file beside the cell's other files, but none of the outputs that
Snakemake deletes when a job fails. It is saved at most once a minute and when the job is told to
end, and it names what it is of: settings, code, seeds, strings, device. One of anything else is
left alone until it is overwritten; a damaged one is set aside. Its size does not depend on the
epochs so far: the history lies in files of its own (`fwp.training.history`). The rule that
evaluates the cell removes both: only then has Snakemake accepted the weights.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from fwp.training.history import parts_folder
from fwp.training.state import State, TrainState, runs_from_state, runs_to_state
from fwp.utils.files import atomic

SECONDS = 60.0
"""Between two checkpoints, at least: what is lost at most when a job is killed without warning."""


def checkpoint_path(folder: str | Path) -> Path:
    """The checkpoint of the cell whose files lie in `folder`."""
    return Path(folder) / "checkpoint.safetensors"


def remove_checkpoint(folder: str | Path) -> None:
    """Remove the checkpoint of a cell and the parts of its history: nothing is left to train."""
    checkpoint_path(folder).unlink(missing_ok=True)
    shutil.rmtree(parts_folder(Path(folder) / "history.csv"), ignore_errors=True)


class Checkpoint:
    """The checkpoint of one cell; what happens to it is told on standard output.

    Args:
        path: its file.
        every: seconds between two savings, at least.
    """

    def __init__(self, path: str | Path, *, every: float = SECONDS):
        self.path, self.every = Path(path), every
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._last >= self.every

    def load(self, key: dict, *, tell: bool = True) -> TrainState | None:
        """What was saved under an equal `key`; None, with a line why, if it is of another.

        Args:
            key: what the state depends on, ready for JSON.
            tell: whether a line says that training goes on from there.
        """
        try:
            found, facts, tensors = _read(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except Exception as error:  # safetensors, JSON, lookups fail each in their own way
            return self._set_aside(error)
        key = json.loads(json.dumps(key))
        other = [name for name in {*key, *found} if key.get(name) != found.get(name)]
        if other:
            print(f"{self.path}: of another {' and '.join(sorted(other))}: not used")
            return None
        if tell:
            print(f"{self.path}: going on from there, {facts['cell']['seconds']:.0f} s of training")
        state = State(facts, tensors)
        return TrainState(
            facts["cell"]["seconds"],
            runs_from_state(state.part("runs")),
            state.part("trainer") if "trainer" in facts else None,
            facts["cell"]["history"],
        )

    def save(self, key: dict, saved: TrainState, history: Callable[[], dict] = dict) -> None:
        """Write the state; if the disk refuses, say so and go on.

        Args:
            key: what the state depends on, ready for JSON.
            saved: the state.
            history: writes the history to disk, and returns how far it goes.
        """
        self._last = time.monotonic()
        try:
            cell = {"seconds": saved.seconds, "history": history()}
            parts = {"cell": State(cell, {}), "runs": runs_to_state(saved.runs)}
            parts |= {} if saved.trainer is None else {"trainer": saved.trainer}
            state = State.of(**parts)
            with atomic(self.path) as temporary:
                temporary.write_bytes(_bytes(key, state))
        except OSError as error:
            print(f"{self.path}: the checkpoint could not be written: {error}")

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_suffix(".damaged")
        reason = " ".join(str(error).split()) or type(error).__name__
        print(
            f"{self.path}: not a checkpoint, or a damaged one ({reason}): renamed to {aside.name}"
        )
        try:
            self.path.replace(aside)
        except OSError as failure:
            print(f"{self.path}: it could not be renamed: {failure}")


def _bytes(key: dict, state: State) -> bytes:
    # A tensor too, since the header of a safetensors file must not grow beyond 100 MB.
    text = json.dumps({"key": key, "facts": state.facts}).encode()
    tensors = {"json": torch.frombuffer(bytearray(text), dtype=torch.uint8)}
    tensors |= {f"state/{name}": x.contiguous() for name, x in state.tensors.items()}
    return save(tensors, {"sha256": _digest(tensors)})


def _read(data: bytes) -> tuple[dict, dict, dict[str, Tensor]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    tensors = load(data)
    if _digest(tensors) != header["__metadata__"]["sha256"]:
        raise ValueError("its contents do not match the hash written with them")
    content = json.loads(bytes(tensors.pop("json").numpy()))
    tensors = {name.removeprefix("state/"): x for name, x in tensors.items()}
    return content["key"], content["facts"], tensors


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, x in sorted(tensors.items()):
        digest.update(f"{name} {x.dtype} {tuple(x.shape)}\n".encode())
        digest.update(x.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
