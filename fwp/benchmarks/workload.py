"""A training step to measure: a model, random binary strings, and how much it has to compute."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from fwp.config.settings import ModelSettings
from fwp.experiment.cell import Cell
from fwp.kernels.op import Op
from fwp.kernels.plan import PLANS
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.training.batches import Batch, PaddedSplit
from fwp.training.step import TrainStep

BATCHES = 8  # that a measurement goes through


def models_of(settings: ModelSettings, count: int, symbols: int = 2) -> list[SequenceModel]:
    """Models for strings of so many symbols, which predict one of as many classes."""
    return [SequenceModel(symbols, symbols, settings) for _ in range(count)]


def train_step(
    cell: Cell,
    *,
    pack: int,
    batch: int,
    length: int,
    device: str = "cpu",
    batches: int = BATCHES,
    symbols: int = 2,
) -> tuple[TrainStep, list[list[Batch]]]:
    """A step of training of `pack` models, and an epoch of batches of different strings for it."""
    count, rng = batches * batch, np.random.default_rng(0)
    tokens, targets = (
        torch.from_numpy(rng.integers(symbols, size=(count, length))) for _ in range(2)
    )
    each = np.full(count, length)
    strings = PaddedSplit(
        tokens.to(device, torch.uint8 if symbols <= 256 else torch.int32),
        targets.to(device, torch.int16),
        lengths=each,
        labels=each,
        first=np.arange(count),
    )
    models = Pack([model.to(device) for model in models_of(cell.model, pack, symbols)])
    # The weights stay as they are, so that all repetitions do the same.
    settings = replace(cell.training, learning_rate=0.0, schedule="constant", warmup=0.0)
    rows = np.arange(count).reshape(batches, batch)
    epoch = [Batch(r, np.ones_like(r), r.size * length, length, length) for r in rows]
    return TrainStep(models, strings, [], settings, steps=batches), [epoch] * pack


def operations(cell: Cell, length: int, symbols: int = 2) -> int:
    """Floating-point operations of the matrix products in a step on one string."""
    plain = torch.backends.mkldnn.flags(enabled=False)  # a fused LSTM would hide its products
    step, epoch = train_step(cell, pack=1, batch=1, length=length, batches=1, symbols=symbols)
    with warnings.catch_warnings(), reference():
        warnings.filterwarnings("ignore", "TF32 acceleration")  # what entering `plain` says
        with plain, FlopCounterMode(display=False) as counter:
            step.epoch(epoch)
    return counter.get_total_flops()


def has_op(cell: Cell) -> bool:
    """Whether the model has a recurrence of `fwp.ops`; what a mixer without one is, is its loop."""
    called = []
    step, epoch = train_step(cell, pack=1, batch=1, length=2, batches=1)
    with reference(lambda op: called.append(op.name) if op.state else None):
        step.epoch(epoch)
    return bool(called)


@contextmanager
def reference(tell: Callable[[Op], None] | None = None) -> Iterator[None]:
    """Let every op use its reference backend; `tell` is called with each op that is."""

    def choose(op: Op, *_):
        if tell is not None:
            tell(op)
        return op.backends["reference"]

    with mock.patch.object(Op, "choose", choose), mock.patch.dict(PLANS, clear=True):
        yield
