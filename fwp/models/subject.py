"""A mixer that is looked into: built several times, in the best precision that it has."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fwp.mixers import MixerError
from fwp.models.block import Block
from fwp.models.contract import rounding_of

BATCH, TIME, SEEDS = 3, 11, 3
EXACT = 1e-9  # of float64
LOW = {torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Precisions in which a mixer may compute whatever it is given, and how far results may differ."""


class Subject:
    """A mixer to be tried: as several modules that differ in their seed, and with inputs.

    Args:
        make: builds one in float32 on the CPU.
        hidden: width of its input.
        device: "cpu" or "cuda".

    Attributes:
        single: the modules in float32.
        mixers: the modules in `dtype`.
        dtype: float64, or float32 where it does not compute in float64.
        reason: why it does not.
        low: whether it computes in less than float32.
        x: an input, [BATCH, TIME, hidden].
        rounding: by what share of the largest output two ways of reading may differ.
    """

    def __init__(self, make: Callable[[], nn.Module], hidden: int, device: str):
        self.hidden, self.device, self.single = hidden, device, []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            self.single.append(make().to(device).eval())
        self.dtype, self.mixers, self.reason = torch.float32, self.single, ""
        narrow = self._precision(self.single, torch.float32, *LOW)
        if type(self.single[0]).__module__ == "fwp.mixers._fla":
            narrow = torch.bfloat16
        self.low = narrow in LOW
        if self.low:
            self.reason = f"it computes in {narrow}".replace("torch.", "")
        else:
            double = [copy.deepcopy(mixer).double() for mixer in self.single]
            precision = self._precision(double, torch.float64, torch.float32)
            if precision == torch.float64:
                self.dtype, self.mixers = precision, double
            elif precision is not None:
                self.reason = f"float64 becomes {precision}".replace("torch.", "")
        self.x = self.input(BATCH, TIME)
        usual = EXACT if self.dtype == torch.float64 else rounding_of(nn.Identity(), self.x)
        if narrow is not None:
            usual = LOW.get(narrow, usual)
        self.rounding = getattr(self.mixers[0], "rounding", usual)

    @torch.no_grad()
    def _precision(
        self, mixers: list[nn.Module], given: torch.dtype, *less: torch.dtype
    ) -> torch.dtype | None:
        """The precision of what modules return for inputs of `given`; None if they refuse it."""
        try:
            y = mixers[0](self.input(1, 2, given), None)
        except Exception as error:
            self.reason = first_line(error)
            return None
        y = y[0] if isinstance(y, tuple) else y
        if not isinstance(y, Tensor) or not y.any():
            return given
        return next((dtype for dtype in less if torch.equal(y, y.to(dtype).to(y.dtype))), y.dtype)

    def input(self, batch: int, time: int, dtype: torch.dtype | None = None) -> Tensor:
        """Normal numbers, always the same."""
        generator = torch.Generator().manual_seed(batch + time)
        x = torch.randn(batch, time, self.hidden, generator=generator, dtype=torch.float64)
        return x.to(self.device, dtype or self.dtype)

    def block(self, i: int = 0) -> Block:
        """A block that has the i-th module alone, and sees that it returns what it must."""
        block = Block(self.mixers[i], self.hidden, factor=0, wiring="plain")
        return block.to(self.device)

    def read(self, x: Tensor, state: object) -> tuple[Tensor, object]:
        """What the first module makes of x."""
        return self.block().mix(x, state)

    @property
    def stateless(self) -> bool:
        """Whether it returns None as its state."""
        return self.read(self.x, None)[1] is None


def tensors(state: object) -> list[Tensor]:
    """The tensors of a state, at any depth."""
    if isinstance(state, Tensor):
        return [state]
    inner = state if isinstance(state, tuple | list) else ()
    return [tensor for part in inner for tensor in tensors(part)]


def first_line(error: Exception) -> str:
    """Its kind and the first line of its message, which is enough where the package says it."""
    text = str(error).strip().partition("\n")[0]
    return text if isinstance(error, MixerError) else f"{type(error).__name__}: {text}"
