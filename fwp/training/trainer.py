"""The loop over epochs: a pack in training, which can be stopped between two steps.

Training ends when every model is solved, has diverged or has used up its epochs; see
`fwp.training.selection`. A search may end some of them earlier (`Trainer.drop`).
"""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Sequence

from fwp.models.contract import require_contract
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.training import cuda_graphs
from fwp.training.batches import Batch
from fwp.training.curriculum import shortened
from fwp.training.kind import Data, load_kind
from fwp.training.pack_settings import Settings, of_each
from fwp.training.run import Run
from fwp.training.selection import select_weights
from fwp.training.state import State, runs_from_state, runs_to_state
from fwp.training.step import TrainStep, load_auxiliary, load_gradient
from fwp.utils import signals
from fwp.utils.denormals import flushing_denormals


class Trainer:
    """Models of one shape in training as one pack.

    Each run is what it would be alone, up to rounding.

    Args:
        models: their initial weights are the caller's matter.
        dataset: strings to train on and to select by.
        settings: budget and optimiser, of all models or of each (`fwp.training.pack_settings`); an
            epoch shows every training string once.
        seeds: of each model, the seed that decides the order of the strings, and nothing else.
        device: "cpu" or "cuda".
        state: where a trainer that was given the same arguments goes on.

    Attributes:
        settings: of each model.
        runs: one per model.
        active: the places of those that the pack still holds.
        epoch: the one that is going on.
    """

    def __init__(
        self,
        models: Sequence[SequenceModel],
        dataset: Data,
        settings: Settings,
        *,
        seeds: Sequence[int],
        device: str = "cpu",
        state: State | None = None,
    ):
        self.models, self.columns = models, load_kind(dataset).columns(dataset)
        self.settings = of_each(settings, len(models))
        load_gradient(self.settings[0].gradient).check(models[0])
        self._auxiliary = load_auxiliary(self.settings[0])
        if self._auxiliary is not None:
            self._auxiliary.attach(models, dataset, self.settings[0], seeds)
        self._began, self._paused = time.perf_counter(), None
        self.epoch, self.active = 1, list(range(len(models)))
        self._stream = cuda_graphs.stream(device)
        with self._stream:
            self.pack = Pack([model.to(device) for model in models])
            for model in models:
                require_contract(model, len(dataset.alphabet), device=device)
            self.runs = [Run(seed, weights=self.pack.state_dict(i)) for i, seed in enumerate(seeds)]
            kind = load_kind(dataset)
            if self._auxiliary is None:
                self.strings = kind.training(dataset, device)
            else:
                self.strings = self._auxiliary.JointSplit.training(dataset, device)
            if state is not None:
                self._resume(state)
            self.train_step = TrainStep(
                self.pack,
                self.strings,
                kind.evaluators(dataset, device=device, models=len(models)),
                [self.settings[i] for i in self.active],
                steps=self.epochs * -(-len(self.strings) // self.settings[0].batch_size),
            )
            if state is not None:
                self.train_step.restore(
                    state.part("train_step").tensors, **state.facts["train_step"]
                )
            position = state.facts["position"] if state else {"done": 0, "measured": 0}
            # The step that the epoch began with, and how many of its steps had passed when accuracy
            # was last measured.
            self._first = self.train_step.step - position["done"]
            self._measured = position["measured"]

    @property
    def over(self) -> bool:
        """Whether there is nothing left to train."""
        ended = all(self.runs[i].status != "budget" for i in self.active)
        return ended or self.epoch > self.epochs

    @property
    def epochs(self) -> int:
        """The budget."""
        return self.settings[0].epochs

    @property
    def seconds(self) -> float:
        """Wall time so far, without that between two calls of `run`."""
        return (self._paused or time.perf_counter()) - self._began

    def state(self) -> State:
        """Where training stands; to be asked for between two steps."""
        seconds = self.seconds
        position = {"epoch": self.epoch, "done": self._done, "measured": self._measured}
        position |= {"active": self.active}
        step_state = self.train_step.state()  # first: it waits for all that the GPU has to do
        return State.of(
            position=State(position | {"seconds": seconds}, {}),
            runs=runs_to_state(self.runs),
            train_step=State({"step": self.train_step.step}, step_state),
        )

    @property
    def _done(self) -> int:
        """Steps of the epoch that are over."""
        return self.train_step.step - self._first

    def _resume(self, state: State) -> None:
        position = state.facts["position"]
        self.epoch, self.active = position["epoch"], position["active"]
        self._began -= position["seconds"]
        self.runs = runs_from_state(state.part("runs"))
        if len(self.active) < self.pack.size:
            self.pack.keep(self.active)

    @flushing_denormals()
    def run(
        self,
        on_epoch: Callable[[Run, dict], None] | None = None,
        on_step: Callable[[], None] | None = None,
        until: int | None = None,
    ) -> list[Run]:
        """Train to the end and leave the best epoch's weights in the models.

        Args:
            on_epoch: called with the run and every new row of its history.
            on_step: called after every step.
            until: the epoch after which to pause; the next call goes on from there. The runs are
                those so far then, and the models get their weights at the end.
        """
        self._began += 0 if self._paused is None else time.perf_counter() - self._paused
        self._paused = None
        try:
            return self._run(on_epoch, on_step, self.epochs if until is None else until)
        finally:
            self._paused = time.perf_counter()

    def _run(self, on_epoch, on_step, until: int) -> list[Run]:
        with self._stream:
            while not self.over and self.epoch <= until:
                self._epoch(on_epoch, on_step)
            # On the stream that copied the best epoch's weights: another would not wait for it.
            for model, run in zip(self.models, self.runs, strict=True):
                run.weights = {name: tensor.cpu() for name, tensor in run.weights.items()}
                if self.over:  # a model that is a pack by itself is still in training otherwise
                    if self._auxiliary is not None:
                        self._auxiliary.detach(model)
                    model.load_state_dict(run.weights)
        return self.runs

    def drop(self, places: Sequence[int]) -> None:
        """End the training of the models at these places now; their runs are "pruned".

        To be called between two calls of `run`; one that is over already stays as it is.
        """
        with self._stream, signals.deferred():
            for run in (self.runs[i] for i in places if i in self.active):
                run.status = "pruned" if run.status == "budget" else run.status
            self._leave()

    def _epoch(self, on_epoch, on_step) -> None:
        """The rest of an epoch, with the measurements in it and at its end."""
        batches = self._batches()
        for end in self._measurements(len(batches[self.active[0]])):
            own = [batches[k] for k in self.active]
            losses = self.train_step.epoch(own, begin=self._done, end=end, on_step=on_step)
            # A graph that is being captured must not be left.
            on_gpu = self.train_step.on_gpu
            with signals.deferred() if on_gpu else contextlib.nullcontext():
                scores = self.train_step.scores()
            with signals.deferred():
                self._measure([steps[:end] for steps in own], losses, scores, on_epoch)
                if end == len(own[0]):
                    self.epoch, self._first, self._measured = (
                        self.epoch + 1,
                        self.train_step.step,
                        0,
                    )
            if self.over:
                return

    def _batches(self) -> dict[int, list[Batch]]:
        """The epoch's, by the place of each model that the pack still holds."""
        own = self.settings[0]
        strings = shortened(self.strings, self.epoch, epochs=own.epochs, share=own.curriculum)
        seeds = {k: self.runs[k].seed for k in self.active}
        return {k: strings.epoch(own.batch_size, seed, self.epoch) for k, seed in seeds.items()}

    def _measurements(self, steps: int) -> list[int]:
        """After how many of the epoch's steps accuracy is still to be measured."""
        ends = [*range(0, steps, self.settings[0].validate_every or steps), steps]
        return [end for end in ends if end > self._measured]

    def _measure(self, batches: list[list[Batch]], losses, scores, on_epoch) -> None:
        """Add a row to the history of every run, after these batches of the epoch."""
        self._measured = len(batches[0])
        for i, run in enumerate(self.runs[k] for k in self.active):
            strings = sum(int(batch.times.sum()) for batch in batches[i])
            row = self._row(strings, losses[i], scores[i])
            row["seconds"] = run.seconds = self.seconds
            select_weights(run, row, functools.partial(self.pack.state_dict, i))
            if on_epoch is not None:
                on_epoch(run, row)
        self._leave()

    def _leave(self) -> None:
        """Go on without the models that are over, unless all are."""
        going = [i for i, k in enumerate(self.active) if self.runs[k].status == "budget"]
        if 0 < len(going) < len(self.active):
            self.train_step.keep(going)
            self.active = [self.active[i] for i in going]

    def _row(self, strings: int, loss: float, scores) -> dict:
        diverged = not math.isfinite(loss)
        bins = {
            column: 0.0 if diverged else float(score)
            for column, score in zip(self.columns, scores, strict=True)
        }
        return {
            "epoch": self.epoch,
            "strings": (self.epoch - 1) * len(self.strings) + strings,
            "seconds": 0.0,
            "loss": float(loss),
            **bins,
            "selection": sum(bins.values()) / len(bins),
        }
