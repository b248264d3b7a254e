"""The update of a step on a CPU, in one pass: gathering of gradients, clipping and Adam.

A small model has twenty gradients of a few KB. By PyTorch's functions (`fwp.training.clipping` and
`fwp.training.adam`, which define the result) the update takes 0.1 ms, some fifth of its step.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fwp.config.settings import TrainingSettings
from fwp.kernels.c_kernel import Kernel
from fwp.training.update import numbers

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(weights: Tensor) -> str | None:
    """Why the kernel cannot change these weights, or None."""
    return KERNEL.unusable({"weights": weights})


class Update:
    """Clipping and Adam of a pack, each model's by its own settings.

    Args:
        weights: [N], those of all models: of each tensor [models, size], one after another; changed
            in place.
        sizes: of each tensor.
        settings: betas, eps, weight_decay and clip of each model.

    Attributes:
        moments: as `fwp.training.adam.Adam` has them.
    """

    def __init__(self, weights: Tensor, sizes: Sequence[int], settings: Sequence[TrainingSettings]):
        self._weights, self._count = weights, 0
        self._mean, self._square = torch.zeros_like(weights), torch.zeros_like(weights)
        self._own = list(map(numbers, settings))
        self._sizes = torch.tensor(sizes)
        self._pointers = torch.zeros(len(sizes), dtype=torch.int64)
        self._settings = torch.zeros(len(settings), 7, dtype=torch.float64)
        # NumPy fills a small array in half the time.
        self._addresses, self._rows = self._pointers.numpy(), self._settings.numpy()

    @property
    def moments(self) -> dict[str, Tensor]:
        """Mean and mean square of the gradients so far, and how many there were."""
        step = torch.tensor(float(self._count))
        return {"step": step, "exp_avg": self._mean, "exp_avg_sq": self._square}

    def step(self, gradients: Sequence[Tensor], rates: float | Sequence[float]) -> None:
        """Change the weights.

        Args:
            gradients: of each tensor, [models, ...], or without that dimension for one model.
            rates: learning rate of all models, or of each.
        """
        self._count += 1
        each = rates if isinstance(rates, Sequence) else [rates] * len(self._own)
        for i, ((beta1, beta2, eps, decay, limit), rate) in enumerate(
            zip(self._own, each, strict=True)
        ):
            root = math.sqrt(1 - beta2**self._count)
            own = rate / (1 - beta1**self._count), beta1, beta2, eps, 1 - rate * decay, root, limit
            self._rows[i] = own
        gradients = [g.contiguous() for g in gradients]  # in a list, since their addresses are used
        self._addresses[:] = [g.data_ptr() for g in gradients]
        models, count = len(self._own), len(gradients)
        tensors = (self._sizes, self._pointers, self._settings, self._weights)
        moments = (self._mean, self._square)
        KERNEL.run("update", models, self._weights, None, models, count, *tensors, *moments)

    def load(self, moments: dict[str, Tensor]) -> None:
        """Go on from the `moments` of another."""
        self._count = int(moments["step"])
        self._mean.copy_(moments["exp_avg"])
        self._square.copy_(moments["exp_avg_sq"])
