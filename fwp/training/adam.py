"""Adam (Kingma & Ba 2015), or AdamW (Loshchilov & Hutter 2019), of weights that lie in a row."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from fwp.config.settings import TrainingSettings

# What `adam` calls in the end; around it, that takes five times as long for many small pieces.
_update: Callable = getattr(torch, "_fused_adamw_")  # noqa: B009

PIECE = 8192  # weights; on a GPU the kernel deals pieces, not weights, to multiprocessors


class Adam:
    """PyTorch's fused update, without what `torch.optim.Adam` does in Python around it.

    That takes a tenth of a small model's step.

    Args:
        weights: [N], changed in place.
        betas: decay rates of the two moments.
        eps: ε.
        weight_decay: every step takes rate × weight_decay of each weight from it: AdamW.

    Attributes:
        gradient: [N], to be filled before every step.
        moments: mean and mean square of the gradients so far, [N] each, and how many there were,
            by PyTorch's names.
    """

    def __init__(
        self, weights: Tensor, *, betas: tuple[float, float], eps: float, weight_decay: float = 0.0
    ):
        self.gradient, mean, square = (torch.zeros_like(weights) for _ in range(3))
        on_gpu = weights.device.type == "cuda"
        size = PIECE if on_gpu else len(weights)
        self._pieces = [list(x.split(size)) for x in (weights, self.gradient, mean, square)]
        self._steps = torch.zeros(len(self._pieces[0]), device=weights.device)  # of each piece
        self.moments = {"step": self._steps[0], "exp_avg": mean, "exp_avg_sq": square}
        beta1, beta2 = betas
        self._settings = {
            "beta1": beta1,
            "beta2": beta2,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": True,
            "amsgrad": False,
            "maximize": False,
            "fused": True,
            "capturable": on_gpu,
        }

    def step(self, rate: float | Tensor) -> None:
        """Change the weights; a CUDA graph reads the rate from a tensor."""
        weights, gradients, means, squares = self._pieces
        steps = list(self._steps)
        adam(weights, gradients, means, squares, [], steps, lr=rate, **self._settings)

    def load(self, moments: dict[str, Tensor]) -> None:
        """Go on from the `moments` of another."""
        for name, x in moments.items():
            self.moments[name].copy_(x)
        self._steps.fill_(moments["step"])


class PackAdam:
    """Adam of a pack whose models have settings of their own: one fused update for each model.

    Args:
        weights: [N], of all models; changed in place.
        split: the pieces of each model in a tensor of that shape.
        settings: betas, eps and weight_decay of each model.

    Attributes:
        gradient, moments: as `Adam` has them.
    """

    def __init__(
        self,
        weights: Tensor,
        split: Callable[[Tensor], list[list[Tensor]]],
        settings: Sequence[TrainingSettings],
    ):
        self.gradient, mean, square = (torch.zeros_like(weights) for _ in range(3))
        self._step = torch.zeros((), device=weights.device)
        self.moments = {"step": self._step, "exp_avg": mean, "exp_avg_sq": square}
        size = PIECE if weights.device.type == "cuda" else len(weights)
        # By model: the pieces of weights, gradient, mean and square.
        self._pieces = [
            [[part for piece in pieces for part in piece.split(size)] for pieces in of_model]
            for of_model in zip(*map(split, (weights, self.gradient, mean, square)), strict=True)
        ]
        self._settings = [
            {
                "beta1": own.betas[0],
                "beta2": own.betas[1],
                "eps": own.eps,
                "weight_decay": own.weight_decay,
                "amsgrad": False,
                "maximize": False,
            }
            for own in settings
        ]

    def step(self, rates: Sequence[float] | Tensor) -> None:
        """Change the weights, each model's at its rate [models]; a CUDA graph reads a tensor."""
        self._step += 1
        for pieces, settings, rate in zip(self._pieces, self._settings, rates, strict=True):
            steps = [self._step] * len(pieces[0])
            _update(*pieces, [], steps, lr=rate, **settings)

    def load(self, moments: dict[str, Tensor]) -> None:
        """Go on from the `moments` of another."""
        for name, x in moments.items():
            self.moments[name].copy_(x)
