"""The properties that a mixer must have, each as a function that looks for the opposite.

`PROPERTIES` has them in the order in which they are told; `fwp.models.check` goes through them.
Mixers are small, their weights are random, and they compute in float64 wherever they can: a
difference is a mistake, not rounding.
"""

import copy
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from fwp.mixers import MixerError
from fwp.models import contract
from fwp.models.block import Block
from fwp.models.contract import compare, rounding_of
from fwp.models.pack import Pack

BATCH, TIME, LONG = 3, 11, 300
SPLITS = ((1, 4, 6), (10, 1), (1,) * TIME)
SYMBOLS, SEEDS = 3, 3
EXACT = 1e-9  # of float64
SINGLE = 1e-3  # of float32 against float64: a recurrence can amplify rounding
STEP, SLOPE = 1e-6, 1e-5  # of finite differences, and how well they agree with gradients


class Remark(Exception):  # noqa: N818 - no error
    """Something to say of a property that holds, or why it does not apply."""

    def __init__(self, verdict: str, text: str):
        super().__init__(text)
        self.verdict = verdict


class Subject:
    """A mixer to be tried: as several modules that differ in their seed, and with inputs.

    Args:
        make: builds one in float32 on the CPU.
        hidden: width of its input.
        device: "cpu" or "cuda".

    Attributes:
        single: the modules in float32.
        mixers: the modules in `dtype`.
        dtype: float64, or float32 where it cannot compute in float64.
        reason: why it cannot.
        x: an input, [BATCH, TIME, hidden].
        rounding: by what share of the largest output two ways of reading may differ.
    """

    def __init__(self, make: Callable[[], nn.Module], hidden: int, device: str):
        self.hidden, self.device, self.single = hidden, device, []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            self.single.append(make().to(device).eval())
        self.dtype, self.reason = torch.float64, ""
        self.mixers = [copy.deepcopy(mixer).double() for mixer in self.single]
        with torch.no_grad():
            try:
                y = self.mixers[0](self.input(1, 2), None)
                y = y[0] if isinstance(y, tuple) else y
                if isinstance(y, Tensor) and y.dtype != torch.float64:
                    raise TypeError(f"float64 becomes {y.dtype}".replace("torch.", ""))
            except Exception as error:
                self.dtype, self.reason = torch.float32, first_line(error)
                self.mixers = self.single
        self.x = self.input(BATCH, TIME)
        usual = EXACT if self.dtype == torch.float64 else rounding_of(nn.Identity(), self.x)
        self.rounding = getattr(self.mixers[0], "rounding", usual)

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


class Model(nn.Module):
    """Symbols in, what a mixer makes of their vectors out: the least that a pack can hold."""

    def __init__(self, block: Block, hidden: int):
        super().__init__()
        self.embedding, self.block = nn.Embedding(SYMBOLS, hidden), block

    def forward(self, tokens: Tensor, state: list | None = None) -> tuple[Tensor, list]:
        """Map tokens [B, T] to outputs [B, T, hidden]; the state is a list, as of one layer."""
        y, state = self.block(self.embedding(tokens), None if state is None else state[0])
        return y, [state]


def shapes(subject: Subject) -> str:
    """Outputs are as large as inputs, for one string and many, one symbol and many."""
    for batch, time in ((1, 1), (1, TIME), (BATCH, 1), (BATCH, TIME)):
        subject.read(subject.input(batch, time), None)
    return ""


def state(subject: Subject) -> str:
    """The state is None, or a tuple of tensors whose first axis is the batch."""
    for batch in (1, BATCH):
        _, found = subject.read(subject.input(batch, TIME), None)
        assert found is None or isinstance(found, tuple)  # `Block.mix` sees to it
        parts: tuple = found or ()
        for i, part in enumerate(parts):
            if not isinstance(part, Tensor):
                return f"part {i} of the state must be a tensor, got {type(part).__name__}"
            if part.dim() == 0 or part.shape[0] != batch:
                return (
                    f"part {i} of the state must have the batch, here {batch}, as its first "
                    f"axis, got the size {[*part.shape]}"
                )
    return ""


def repeatable(subject: Subject) -> str:
    """The same input gives the same outputs; neither input nor state is written into."""
    if found := contract.repeatable(subject.read, subject.x):
        return found
    x, (_, before) = subject.x.clone(), subject.read(subject.x, None)
    kept = [part.clone() for part in tensors(before)]
    subject.read(x, before)
    if not torch.equal(x, subject.x):
        return "the input is written into"
    if not all(map(torch.equal, tensors(before), kept)):
        return "the state that is given is written into"
    return ""


def streamed(subject: Subject) -> str:
    """Pieces with the state carried over equal the whole."""
    if subject.stateless:
        raise Remark("skipped", "there is no state: strings are read whole")
    for pieces in SPLITS:
        if found := contract.streamed(subject.read, subject.x, pieces, subject.rounding):
            return found
    return ""


def padded(subject: Subject) -> str:
    """A string by itself equals the string in a batch, with padding at its end."""
    return contract.padded(subject.read, subject.x, 1, TIME // 2, subject.rounding)


def causal(subject: Subject) -> str:
    """A later symbol changes no earlier output."""
    changed = subject.x.clone()
    changed[:, TIME // 2 :] += 1
    got, expected = (subject.read(x, None)[0][:, : TIME // 2] for x in (changed, subject.x))
    if found := compare(got, expected, subject.rounding):
        return f"with other symbols after symbol {TIME // 2}, {found}"
    return ""


def long_strings(subject: Subject) -> str:
    """A string far longer than those of training is read, whole and in pieces."""
    x = subject.input(1, LONG)
    if not subject.read(x, None)[0].isfinite().all():
        return f"the outputs of {LONG} symbols are not all finite"
    if subject.stateless:
        return ""
    return contract.streamed(subject.read, x, (128, 128, LONG - 256), subject.rounding)


def packed(subject: Subject) -> str:
    """Several seeds in a pack compute what each computes alone, gradients too."""
    models = []
    for i in range(SEEDS):
        torch.manual_seed(i)
        model = Model(subject.block(i), subject.hidden).to(subject.device, subject.dtype)
        models.append(model.eval())
    tokens = torch.randint(SYMBOLS, (SEEDS, BATCH, TIME), device=subject.device)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        pack = Pack(models)
    parts = [tokens] if subject.stateless else tokens.split([4, TIME - 4], 2)
    with torch.no_grad():
        outputs, after = [], None
        for part in parts:
            y, after = pack(part, after)
            outputs.append(y)
    whole, _ = pack(tokens)
    gradients = torch.autograd.grad(
        whole.square().sum(), list(pack.weights.values()), allow_unused=True
    )
    for i, model in enumerate(models):
        expected, _ = model(tokens[i])
        if found := compare(torch.cat(outputs, 2)[i], expected, subject.rounding):
            return f"in a pack of {SEEDS}, {found}"
        parameters = dict(model.named_parameters())
        own = torch.autograd.grad(
            expected.square().sum(), [parameters[name] for name in pack.weights], allow_unused=True
        )
        for name, got, alone in zip(pack.weights, gradients, own, strict=True):
            share = 0.0 if alone is None or got is None else contract.difference(got[i], alone)
            if share > 100 * subject.rounding:
                by = contract.amount(share)
                return f"in a pack of {SEEDS}, the gradient of {name} differs by {by}"
    if told:
        raise Remark(
            "ok", f"seeds are computed one after another, which takes longer: {_reason(told)}"
        )
    return ""


def _reason(told: Sequence[warnings.WarningMessage]) -> str:
    return str(told[0].message).rpartition("takes longer: ")[2]


def gradients(subject: Subject) -> str:
    """Gradients are the slopes that finite differences show, in float64."""
    if subject.dtype != torch.float64:
        raise Remark("skipped", "needs float64")
    mixer, x = subject.mixers[0], subject.x.clone().requires_grad_()
    y, _ = subject.read(x, None)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(0)).to(y)
    leaves = {"the input": x, **{n: p for n, p in mixer.named_parameters() if p.requires_grad}}
    found = torch.autograd.grad((y * weights).sum(), list(leaves.values()), allow_unused=True)

    def value() -> float:
        return float((subject.read(x, None)[0] * weights).sum())

    with torch.no_grad():
        scale = max(float(g.norm()) for g in found if g is not None)
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True):
            direction = torch.randn(leaf.shape, generator=torch.Generator().manual_seed(1)).to(leaf)
            direction /= direction.norm()
            kept, ends = leaf.clone(), []
            for sign in (1, -1):
                leaf.copy_(kept + sign * STEP * direction)
                ends.append(value())
                leaf.copy_(kept)
            slope = (ends[0] - ends[1]) / (2 * STEP)
            said = 0.0 if gradient is None else float((gradient * direction).sum())
            if not abs(slope - said) <= SLOPE * max(abs(slope), abs(said), scale):
                return f"of {name}: the gradient says {said:.6g}, finite differences {slope:.6g}"
    return ""


def precise(subject: Subject) -> str:
    """float32 gives what float64 gives, and stays float32."""
    if subject.dtype != torch.float64:
        raise Remark("skipped", f"it does not compute in float64: {subject.reason}")
    x = subject.x.float()
    made = subject.single[0](x, None)
    for part in (made[0], *tensors(made[1])):
        if part.dtype == torch.float64:
            return "float32 becomes float64"
    rounding = max(SINGLE, subject.rounding)
    found = compare(made[0].double(), subject.read(x.double(), None)[0], rounding)
    return f"against float64, {found}" if found else ""


PROPERTIES: dict[str, Callable[[Subject], str]] = {
    "shapes": shapes,
    "state": state,
    "repeatable": repeatable,
    "streamed = whole": streamed,
    "padded = alone": padded,
    "causal": causal,
    "long strings": long_strings,
    "pack = alone": packed,
    "gradients": gradients,
    "float32 = float64": precise,
}
"""Each returns what is wrong, or "", or raises a `Remark`."""


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
