"""What happens in a training step: loss, gradients, Adam; for a pack of models at a time."""

import functools
import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from fwp.config.settings import AUXILIARY, TrainingSettings
from fwp.kernels.precision import products_in
from fwp.kernels.triton_compile import only_compiling
from fwp.kernels.triton_support import installed
from fwp.models.pack import Pack
from fwp.training import cuda_graphs
from fwp.training.adam import Adam, PackAdam
from fwp.training.batches import Batch
from fwp.training.clipping import clipped
from fwp.training.kind import Material, Scorer
from fwp.training.pack_settings import Settings, of_each
from fwp.training.schedule import Schedule
from fwp.training.update import native
from fwp.utils import signals

AHEAD = 16  # steps that are made ready at a time, while a GPU computes those before them

GRADIENTS = ("bptt", "rtrl", "tbptt")
"""Ways to compute gradients: modules of this folder."""

FURTHER = "auxiliary"
"""The module of losses beside that of the task."""


def load_gradient(name: str) -> ModuleType:
    """The module of a gradient; it has `check(model)` and `gradients(pack, …)`.

    Loaded by name, so that an edit of one retrains the cells that use it alone.

    Raises:
        ValueError: there is no such gradient.
    """
    if name not in GRADIENTS:
        raise ValueError(f"gradient must be one of {', '.join(GRADIENTS)}, got {name!r}")
    return importlib.import_module(f"fwp.training.{name}")


def load_auxiliary(settings: TrainingSettings) -> ModuleType | None:
    """The module of losses beside that of the task, if one counts; loaded by name, too."""
    if not any(getattr(settings, name) for name in AUXILIARY):
        return None
    return importlib.import_module(f"fwp.training.{FURTHER}")


class TrainStep:
    """Trains the models of a pack, each on batches of its own.

    Args:
        pack: the models, on the device of `strings`.
        strings: what is trained on.
        evaluators: what is measured on validation data; `score` maps the pack to numbers [R].
        settings: gradient, its bound, Adam, and the schedule of its rate; of all models or of each.
        steps: how many there will be, for the schedule.

    Attributes:
        step: how many there have been.
    """

    def __init__(
        self,
        pack: Pack,
        strings: Material,
        evaluators: Sequence[Scorer],
        settings: Settings,
        *,
        steps: int,
    ):
        self.settings, self._steps = of_each(settings, pack.size), steps
        self.pack, self.strings, self.evaluators = pack, strings, evaluators
        self.device = strings.tokens.device
        self.on_gpu = self.device.type == "cuda"
        if self.settings[0].matmul != "float32" and not self.on_gpu:
            raise ValueError(
                f"training.matmul must be float32 on a CPU, got {self.settings[0].matmul!r}; "
                "bfloat16 needs a GPU (compute.device: cuda)"
            )
        self._on_gpu: Any = _gpu_parts() if self.on_gpu else None
        self.step = 0
        self._compiled = False
        self._begin()

    def _begin(self) -> None:
        """Lay all weights into one piece of memory, so that Adam's many small updates are one."""
        weights = list(self.pack.weights.values())
        flat = torch.cat([w.detach().flatten() for w in weights])
        for weight, view in zip(weights, self._views(flat), strict=True):
            weight.data = view
        self._flat = flat
        self._set_up()
        self.graphs = cuda_graphs.CudaGraphs(self.device)
        # A graph goes on writing to where it first wrote.
        kept = {"dtype": torch.float64, "device": self.device}
        self._loss = torch.zeros(self.pack.size, **kept)
        self._scores = torch.zeros(self.pack.size, len(self.evaluators), **kept)

    def _set_up(self) -> None:
        """Gradient, Adam, its schedule and the gradient's bound; of all models if all are equal."""
        first, *others = self.settings
        if load_auxiliary(first) is None:
            gradient = load_gradient(first.gradient).gradients
            if first.truncation is not None:
                gradient = functools.partial(gradient, truncation=first.truncation)
        else:  # the strings know what else is asked of them
            gradient = cast("Any", self.strings).gradient(self.settings)
        self.gradient = products_in(first.matmul)(gradient)
        self.schedules = [
            Schedule(own.schedule, own.learning_rate, self._steps, own.warmup)
            for own in self.settings
        ]
        equal = all(_optimiser(own) == _optimiser(first) for own in others)
        if equal:
            rate, self.schedules = first.learning_rate, self.schedules[:1]
        else:
            rate = [own.learning_rate for own in self.settings]
        if self._on_gpu is not None:
            sizes = [w.numel() // self.pack.size for w in self.pack.weights.values()]
            self.adam: Any = self._on_gpu.Update(self._flat, sizes, self.settings)
        elif native.unusable(self._flat) is None:
            sizes = [w.numel() // self.pack.size for w in self.pack.weights.values()]
            self.adam = native.Update(self._flat, sizes, self.settings)
        elif equal:
            betas, decay = first.betas, first.weight_decay
            self.adam = Adam(self._flat, betas=betas, eps=first.eps, weight_decay=decay)
        else:
            self.adam = PackAdam(self._flat, self._by_model, self.settings)
        self.rate: Any = rate
        limits = [own.clip for own in self.settings]
        if any(limit != first.clip for limit in limits):
            bounds = [math.inf if limit is None else limit for limit in limits]
            self.clip = torch.tensor(bounds, dtype=self._flat.dtype, device=self.device)
        else:
            self.clip = first.clip

    def _by_model(self, flat: Tensor) -> list[list[Tensor]]:
        """The pieces of `flat` that belong to each model."""
        views = self._views(flat)
        if self.pack.size == 1:
            return [[view.flatten() for view in views]]
        return [[view[i].flatten() for view in views] for i in range(self.pack.size)]

    def _views(self, flat: Tensor) -> list[Tensor]:
        """The parts of `flat` that belong to the pack's weights, in their shapes."""
        weights = list(self.pack.weights.values())
        parts = flat.split([w.numel() for w in weights])
        return [part.view_as(w) for part, w in zip(parts, weights, strict=True)]

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with the models `chosen` alone, in the middle of an epoch too."""
        rows = slice(None) if self.pack.size == 1 else list(chosen)
        kept = {
            name: x if x.dim() == 0 else torch.cat([v[rows].flatten() for v in self._views(x)])
            for name, x in self.adam.moments.items()
        }
        loss = self._loss[list(chosen)]
        self.pack.keep(chosen)
        self.settings = tuple(self.settings[i] for i in chosen)
        self._begin()
        self._loss.copy_(loss)
        self.adam.load(kept)

    def state(self) -> dict[str, Tensor]:
        """What the steps so far have left behind, on the CPU; `step` belongs to it."""
        if self.on_gpu:
            torch.cuda.synchronize()  # the caller may be on another stream
        tensors = {"weights": self._flat, "loss": self._loss}
        tensors |= {f"adam/{name}": x for name, x in self.adam.moments.items()}
        tensors |= {f"fixed/{name}": x for name, x in self.pack.fixed.items()}
        return {name: x.cpu().clone() for name, x in tensors.items()}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], *, step: int) -> None:
        """Go on from what `state` returned, for a pack of as many models."""
        self.step = step
        self._flat.copy_(tensors["weights"])
        self._loss.copy_(tensors["loss"])
        for name, x in self.pack.fixed.items():
            x.copy_(tensors[f"fixed/{name}"])
        self.adam.load({name: tensors[f"adam/{name}"] for name in self.adam.moments})

    def epoch(
        self,
        batches: Sequence[Sequence[Batch]],
        *,
        begin: int = 0,
        end: int | None = None,
        on_step: Callable[[], None] | None = None,
    ) -> np.ndarray:
        """Train on `batches[i][j]`, step j of model i; the epoch's mean loss per label in nats [R].

        Args:
            batches: those of a whole epoch.
            begin: its first step that has not been done yet.
            end: the step to stop before, None for all; the loss is that of the steps so far.
            on_step: called after every step.
        """
        self.pack.train(True)
        if begin == 0:
            self._loss.zero_()
        steps = list(zip(*batches, strict=True))[begin:end]
        if self._on_gpu is not None and not self._compiled:
            self._compile(steps)
        for length, *tensors in self._upload(steps):
            with signals.deferred():
                self._set_rate()
                key = (length, tensors[0].shape)
                train = self._train if self._on_gpu is None else self._train_on_gpu
                self.graphs.run(key, functools.partial(train, length), *tensors)
                self.step += 1
            if on_step is not None:
                on_step()
        return self._loss.cpu().numpy() / [sum(b.labels for b in own[:end]) for own in batches]

    def _compile(self, steps: list[tuple[Batch, ...]]) -> None:
        """Compile all kernels that these steps and the evaluation call, side by side."""
        with signals.deferred(), only_compiling(self.pack.weights):
            shapes = {(length, rows.shape) for length, rows, *_ in map(self._prepare, steps)}
            for length, shape in shapes:
                rows = torch.zeros(shape, dtype=torch.int64, device=self.device)
                tokens = self.strings.tokens[rows, :length].long()
                targets = self.strings.targets[rows, :length].long()
                weights = torch.zeros_like(rows, dtype=self._flat.dtype)
                loss, gradients = self.gradient(self.pack, tokens, targets, weights)
                # Beside the step, as no tokens would be in what a step's first kernel returns.
                whole = (self.strings.tokens, self.strings.targets, length, self._flat.dtype)
                batch = rows.new_zeros(shape[0], 2 * shape[1] + 2)
                *_, (labels, rates) = self._on_gpu.unpacked(batch, *whole)
                self.adam.step(gradients, rates, loss, labels, self._loss)
            for evaluator in self.evaluators:
                evaluator.score(self.pack)
        self._compiled = True

    def scores(self) -> np.ndarray:
        """What each evaluator measures of each model, [R, evaluators]."""
        self.pack.train(False)
        self.graphs.run("evaluators", self._evaluate)
        return self._scores.cpu().numpy()

    def _evaluate(self) -> None:
        for i, evaluator in enumerate(self.evaluators):
            self._scores[:, i] = evaluator.score(self.pack)

    def _train_on_gpu(self, length: int, batch: Tensor) -> None:
        """As `_train`, in fewer kernels."""
        parts = self._on_gpu
        strings = (self.strings.tokens, self.strings.targets)
        *given, (labels, rates) = parts.unpacked(batch, *strings, length, self._flat.dtype)
        loss, gradients = self.gradient(self.pack, *given)
        self.pack.next_step()
        self.adam.step(gradients, rates, loss, labels, self._loss)

    def _train(self, length: int, rows: Tensor, weights: Tensor, labels: Tensor) -> None:
        tokens = self.strings.tokens[rows, :length].long()
        targets = self.strings.targets[rows, :length].long()
        loss, gradients = self.gradient(self.pack, tokens, targets, weights)
        self.pack.next_step()
        self._loss += loss * labels
        if isinstance(self.adam, native.Update):
            self.adam.step(gradients, self.rate)
            return
        if self.clip is not None:
            gradients = clipped(gradients, self.pack.size, self.clip)
        torch.cat([g.flatten() for g in gradients], out=self.adam.gradient)
        self.adam.step(self.rate)

    def _prepare(self, batches: Sequence[Batch]) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
        """Longest length, rows [R, strings], weights [R, strings] and labels [R] of a step.

        The weights make a weighted sum of the strings' losses the mean over all labels. A GPU gets
        few different shapes, since it runs a graph for each: lengths are multiples of eight, and
        numbers of strings powers of two.
        """
        size = max(len(b.rows) for b in batches)
        length = max(b.longest for b in batches)
        if self.on_gpu:
            size = 2 ** math.ceil(math.log2(size))
            length = min(-(-length // 8) * 8, *(b.limit for b in batches))
        rows = np.zeros((len(batches), size), dtype=np.int64)
        weights = np.zeros((len(batches), size))
        for i, batch in enumerate(batches):
            rows[i, : len(batch.rows)] = batch.rows
            weights[i, : len(batch.rows)] = batch.times
        labels = np.array([b.labels for b in batches], dtype=np.float64)
        return length, rows, weights / np.maximum(labels, 1)[:, None], labels

    def _upload(self, steps: list[tuple[Batch, ...]]) -> Iterator[tuple]:
        """The steps with tensors on the device: several steps' in one transfer each."""
        dtype = next(iter(self.pack.weights.values())).dtype
        # A GPU waits for the first of an epoch, so that at first few are made ready.
        begin, ahead = 0, 1 if self.on_gpu else AHEAD
        while begin < len(steps):
            ready = [self._prepare(step) for step in steps[begin : begin + ahead]]
            begin, ahead = begin + ahead, min(2 * ahead, AHEAD)
            lengths, *parts = zip(*ready, strict=True)
            if self._on_gpu is not None:
                rates = [self._rates(self.step + i) for i in range(len(ready))]
                parts = [[self._on_gpu.packed(*own) for own in zip(*parts, rates, strict=True)]]
            moved = []
            for arrays in parts:
                joined = torch.from_numpy(np.concatenate([a.ravel() for a in arrays]))
                if self.on_gpu:  # from pinned memory, so that the host need not wait for the GPU
                    joined = joined.pin_memory().to(self.device, non_blocking=True)
                joined = joined if joined.dtype == torch.int64 else joined.to(dtype)
                pieces = joined.split([a.size for a in arrays])
                moved.append([x.view(a.shape) for x, a in zip(pieces, arrays, strict=True)])
            yield from zip(lengths, *moved, strict=True)

    def _rates(self, step: int) -> np.ndarray:
        """The rate of each model in a step."""
        rates = [schedule.rate(step) for schedule in self.schedules]
        return np.array(rates * (self.pack.size // len(rates)))

    def _set_rate(self) -> None:
        """On a CPU; a GPU is given the rates with the batch, as its graphs take no numbers."""
        if self.on_gpu or all(schedule.constant for schedule in self.schedules):
            return
        rates = [schedule.rate(self.step) for schedule in self.schedules]
        self.rate = rates if isinstance(self.rate, list) else rates[0]


@functools.cache
def _gpu_parts() -> SimpleNamespace:
    """What a step is made of on a GPU alone; imported there alone, as it is in Triton.

    Raises:
        RuntimeError: Triton is missing.
    """
    if not installed():
        raise RuntimeError(
            "training on a GPU needs the package triton, which comes with PyTorch for Linux; "
            "install it, or train with compute.device: cpu"
        )
    from fwp.training.triton_batches import packed, unpacked
    from fwp.training.update.triton import Update

    return SimpleNamespace(packed=packed, unpacked=unpacked, Update=Update)


def _optimiser(own: TrainingSettings) -> tuple:
    """The settings of Adam and its rate."""
    rate = (own.learning_rate, own.schedule, own.warmup)
    return (*rate, own.betas, own.eps, own.weight_decay)
