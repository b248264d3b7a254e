"""Losses beside that of recognition, which tell a model more of the strings of a language.

They are those of FLaRe (Butoi et al., ICLR 2025). After each symbol of a string of the language,
a readout of its own says which symbols may follow (the end counts as one), and another which one
does follow:

    L = L_recognition + λ_sets L_sets + λ_next L_next

L_recognition is the mean over the strings of a batch. L_sets is the binary cross-entropy of the
set of symbols that may follow, its mean over all symbols; L_next is the cross-entropy of the one
that follows. Both are means over the positions of a string, then over the strings of the batch that
are in the language. Unlike FLaRe's, our models say nothing before the first symbol, as they read no
sign for the beginning.

The readouts exist in training alone. What is measured and kept of a model is as without them.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.config.settings import AUXILIARY, TrainingSettings
from fwp.datasets.dataset import Dataset
from fwp.datasets.recognition.task import RECOGNITION, language_of
from fwp.kernels.aside import weight_gradients_aside
from fwp.languages import Language
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.nn.cross_entropy import loss_and_gradient
from fwp.nn.linear import Linear
from fwp.training.batches import PaddedSplit
from fwp.training.readout import with_gradient
from fwp.utils.targets import NO_TARGET

NEXT = AUXILIARY[1]
MOST_STATES = 50_000  # whose sets are remembered


class Unsaved(Linear):
    """A layer of the training alone: what is saved of a model does not hold it."""

    def state_dict(self, *, destination: Any = None, **_: Any) -> dict[str, Any]:
        """What others have saved so far, unchanged."""
        return {} if destination is None else destination


class Heads(Linear):
    """A readout with others beside it, whose outputs follow its own while a model is trained.

    Args:
        readout: the model's; shares its tensors, under their names.
        outputs: of the others.
    """

    def __init__(self, readout: nn.Linear, outputs: int):
        super().__init__(readout.in_features, readout.out_features, device="meta")
        self.weight, self.bias = readout.weight, readout.bias
        self.auxiliary = Unsaved(readout.in_features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, inputs] to [B, T, outputs]."""
        own = super().forward(x)
        return torch.cat([own, self.auxiliary(x)], -1) if self.training else own


def attach(
    models: Sequence[SequenceModel],
    dataset: Dataset,
    settings: TrainingSettings,
    seeds: Sequence[int],
) -> None:
    """Give models the further readouts, with initial weights that their seeds decide.

    Raises:
        ValueError: the task is none of recognition, or the gradient is computed in another way.
    """
    if dataset.language != RECOGNITION:
        raise ValueError(
            f"training.{_used(settings)[0]} needs a task of whole strings (strings: edits or "
            f"balanced), got {dataset.language}"
        )
    if settings.gradient != "bptt":
        raise ValueError(
            f"training.{_used(settings)[0]} needs training.gradient = bptt, got {settings.gradient}"
        )
    outputs = len(_used(settings)) * (len(dataset.alphabet) + 1)
    for model, seed in zip(models, seeds, strict=True):
        readout = model.readout
        with torch.random.fork_rng(devices=[]):
            # Not the numbers that a model of this seed begins with.
            torch.default_generator.manual_seed(2**32 + seed)
            heads = Heads(readout, outputs)
        heads.auxiliary.to(device=readout.weight.device, dtype=readout.weight.dtype)
        model.readout = heads.train(model.training)


def detach(model: SequenceModel) -> None:
    """Leave a model its own readout alone."""
    heads = model.readout
    if isinstance(heads, Heads):
        readout = Linear(heads.in_features, heads.out_features, device="meta")
        readout.weight, readout.bias = heads.weight, heads.bias
        model.readout = readout.train(model.training)


def _used(settings: TrainingSettings) -> list[str]:
    """The losses that count, in the order of their readouts."""
    return [name for name in AUXILIARY if getattr(settings, name) > 0]


@dataclass(frozen=True)
class JointSplit(PaddedSplit):
    """Strings of which a position has several targets: a target is a row of the tables here.

    Positions of strings outside the language have none, except for the last.

    classes: of whole strings, int64 [rows]; `NO_TARGET` before the last position.
    following: the next symbol, int64 [rows]; the last number stands for the end.
    sets: which symbols may follow, [rows, symbols], 0 or 1.
    sizes: of the readouts: classes, and symbols with the end.

    The last row of each table stands for no target.
    """

    classes: Tensor = field(default_factory=lambda: torch.empty(0))
    following: Tensor = field(default_factory=lambda: torch.empty(0))
    sets: Tensor = field(default_factory=lambda: torch.empty(0))
    sizes: tuple[int, int] = (0, 0)

    @classmethod
    def training(cls, dataset: Dataset, device: str) -> "JointSplit":
        """The training strings of a dataset of recognition."""
        split, language = dataset.train, language_of(dataset.params)
        rows: dict[tuple, int] = {}
        targets = np.full(len(split.tokens), NO_TARGET, dtype=np.int32)
        followers = _Followers(language)
        for begin, end in zip(split.offsets[:-1].tolist(), split.offsets[1:].tolist(), strict=True):
            label = int(split.targets[end - 1])
            if not label:
                targets[end - 1] = rows.setdefault((label, NO_TARGET, ()), len(rows))
                continue
            tokens = split.tokens[begin:end].tolist()
            classes = [*[NO_TARGET] * (len(tokens) - 1), label]
            after = [*tokens[1:], len(language.alphabet)]
            for i, row in enumerate(zip(classes, after, followers.of(tokens), strict=True)):
                targets[begin + i] = rows.setdefault(row, len(rows))
        symbols = len(language.alphabet) + 1
        classes, following, allowed = zip(*rows, (NO_TARGET, NO_TARGET, ()), strict=True)
        sets = torch.zeros(len(allowed), symbols)
        for i, tokens in enumerate(allowed):
            sets[i, list(tokens)] = 1
        padded = PaddedSplit.of(replace(split, targets=targets), device)
        return cls(
            padded.tokens,
            padded.targets,
            padded.lengths,
            np.ones(len(split), dtype=np.int64),
            padded.first,
            torch.tensor(classes, device=device),
            torch.tensor(following, device=device),
            sets.to(device),
            (len(dataset.classes), symbols),
        )

    def cut(self, longest: int) -> "JointSplit":
        """These strings; those of more than `longest` symbols have no label, as their last has it.

        Others stand in for them.
        """
        labels = (self.lengths <= longest).astype(np.int64)
        return replace(self, lengths=np.minimum(self.lengths, longest), labels=labels)

    def gradient(self, settings: Sequence[TrainingSettings]):
        """A function like `fwp.training.bptt.gradients`, for models with these settings."""
        used = _used(settings[0])
        shares = {name: self.sets.new_tensor([getattr(o, name) for o in settings]) for name in used}

        def gradients(
            pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor
        ) -> tuple[Tensor, list[Tensor]]:
            trained = list(pack.weights.values())
            with weight_gradients_aside(trained[0]):
                y, _ = pack(tokens)
                loss, d_y = self.loss_and_gradient(y.detach(), targets, weights, shares)
                found = torch.autograd.grad(with_gradient(y, d_y), trained, allow_unused=True)
            return loss, [
                torch.zeros_like(w) if g is None else g for w, g in zip(trained, found, strict=True)
            ]

        return gradients

    def loss_and_gradient(
        self, y: Tensor, targets: Tensor, weights: Tensor, shares: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The loss of each model [R], and the gradient of their sum by the outputs.

        Args:
            y: outputs of R models, [R, B, T, all readouts].
            targets: rows of the tables [R, B, T]; `NO_TARGET` where there is none.
            weights: of the strings [R, B], which make a mean of a sum.
            shares: λ of each loss that counts [R].
        """
        classes, symbols = self.sizes
        rows = torch.where(targets < 0, len(self.classes) - 1, targets)
        own, *others = y.split([classes, *[symbols] * len(shares)], -1)
        loss, d_own = loss_and_gradient(own.contiguous(), self.classes[rows], weights)
        following = self.following[rows]
        there = following != NO_TARGET
        positions = there.sum(-1)
        means = weights * (positions > 0)
        smallest = torch.finfo(means.dtype).tiny
        means = means / means.sum(1, keepdim=True).clamp(min=smallest) / positions.clamp(min=1)
        parts = [d_own]
        for (name, share), logits in zip(shares.items(), others, strict=True):
            if name == NEXT:
                more, d_logits = loss_and_gradient(logits.contiguous(), following, means)
            else:
                sets = self.sets[rows].to(logits.dtype)
                each = (means.unsqueeze(-1) * there / symbols).unsqueeze(-1)
                surprise = F.binary_cross_entropy_with_logits(logits, sets, reduction="none")
                more, d_logits = (surprise * each).sum((1, 2, 3)), (logits.sigmoid() - sets) * each
            share = share.to(loss.dtype)
            loss = loss + share * more
            parts.append(share[:, None, None, None] * d_logits)
        return loss, torch.cat(parts, -1)


class _Followers:
    """The symbols that may follow, by state of a language; those of few states are remembered."""

    def __init__(self, language: Language):
        self.language = language
        self._known: dict[Hashable, tuple[int, ...]] = {}

    def of(self, tokens: Sequence[int]) -> list[tuple[int, ...]]:
        """Tokens that may follow each prefix of a string; the number after the last is the end."""
        states = self.language.read(self.language.decode(tokens))
        return [self._after(state) for state in states]

    def _after(self, state: Hashable) -> tuple[int, ...]:
        if state in self._known:
            return self._known[state]
        language = self.language
        found = [
            token
            for token, symbol in enumerate(language.alphabet)
            if language.step(state, symbol) is not None
        ]
        after = (*found, *[len(language.alphabet)] * bool(language.accepts(state)))
        if len(self._known) < MOST_STATES:
            self._known[state] = after
        return after
