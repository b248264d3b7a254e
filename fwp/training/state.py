"""The state of training: all that is needed to go on after an interruption."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from torch import Tensor

from fwp.training.run import Run


class State(NamedTuple):
    """All that is needed to go on: `facts`, ready for JSON, and `tensors` by name, on the CPU."""

    facts: dict
    tensors: dict[str, Tensor]

    @classmethod
    def of(cls, **parts: "State") -> "State":
        """Several states as one."""
        tensors = {f"{n}/{k}": x for n, part in parts.items() for k, x in part.tensors.items()}
        return cls({name: part.facts for name, part in parts.items()}, tensors)

    def part(self, name: str) -> "State":
        """One of the states that `of` joined."""
        prefix = f"{name}/"
        own = {k.removeprefix(prefix): x for k, x in self.tensors.items() if k.startswith(prefix)}
        return State(self.facts[name], own)


def runs_to_state(runs: Sequence[Run]) -> State:
    """Runs as a state."""
    facts = [{k: v for k, v in asdict(run).items() if k != "weights"} for run in runs]
    parts = {str(i): State({}, run.weights) for i, run in enumerate(runs)}  # seeds may be equal
    return State({"runs": facts}, {k: x.cpu() for k, x in State.of(**parts).tensors.items()})


def runs_from_state(state: State) -> list[Run]:
    """The runs that `runs_to_state` was given."""
    runs = [Run(**facts) for facts in state.facts["runs"]]
    weights = State({str(i): {} for i in range(len(runs))}, state.tensors)
    for i, run in enumerate(runs):
        run.weights = weights.part(str(i)).tensors
    return runs


@dataclass
class TrainState:
    """How far the training of a cell is.

    Attributes:
        seconds: wall time so far.
        runs: those that are over.
        trainer: the state of the trainer at work, if there is one.
        history: how far the files of the history go (`HistoryParts.position`).
    """

    seconds: float = 0.0
    runs: list[Run] = field(default_factory=list)
    trainer: State | None = None
    history: dict = field(default_factory=dict)
