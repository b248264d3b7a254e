"""The properties that a mixer must have, each as a function that looks for the opposite.

`PROPERTIES` has them in the order in which they are told; `fwp.models.check` goes through them.
Mixers are small, their weights are random, and they compute in float64 wherever they can: a
difference is a mistake, not rounding.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from fwp.models import contract
from fwp.models.block import Block
from fwp.models.contract import compare
from fwp.models.pack import Pack
from fwp.models.subject import BATCH, SEEDS, TIME, Subject, tensors

LONG = 300
SPLITS = ((1, 4, 6), (10, 1), (1,) * TIME)
SYMBOLS = 3
SINGLE = 1e-3  # of float32 against float64: a recurrence can amplify rounding
STEP, SLOPE = 1e-6, 1e-5  # of finite differences, and how well they agree with gradients


class Remark(Exception):  # noqa: N818 - no error
    """Something to say of a property that holds, or why it does not apply."""

    def __init__(self, verdict: str, text: str):
        super().__init__(text)
        self.verdict = verdict


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
        models.append(model.train(subject.low))
    tokens = torch.randint(SYMBOLS, (SEEDS, BATCH, TIME), device=subject.device)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        pack = Pack(models)
    whole_only = subject.stateless or subject.low  # kernels of training may keep no state
    parts = [tokens] if whole_only else tokens.split([4, TIME - 4], 2)
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
    if subject.low:
        return _finite_gradients(subject)
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


def _finite_gradients(subject: Subject) -> str:
    """All that can be asked where finite differences drown in rounding."""
    mixer = subject.mixers[0].train()
    try:
        y, _ = subject.read(subject.x.clone().requires_grad_(), None)
        trained = {n: p for n, p in mixer.named_parameters() if p.requires_grad}
        found = torch.autograd.grad(y.square().sum(), [*trained.values()], allow_unused=True)
    finally:
        mixer.eval()
    for name, gradient in zip(trained, found, strict=True):
        if gradient is not None and not gradient.isfinite().all():
            return f"of {name}: not all numbers are finite"
    raise Remark("ok", f"finite; {subject.reason}, too coarse for finite differences")


def checked(subject: Subject) -> str:
    """The gradient of input and state is exact, entry by entry, where a string goes on."""
    if subject.dtype != torch.float64:
        raise Remark("skipped", "needs float64")
    x = subject.input(1, 5)
    _, before = subject.read(x[:, :2], None)
    state = [p.detach().clone().requires_grad_(p.is_floating_point()) for p in tensors(before)]
    moved = [x[:, 2:].clone().requires_grad_(), *(p for p in state if p.requires_grad)]

    def read(x: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        own = iter(parts)
        given = tuple(next(own) if p.requires_grad else p for p in state)
        y, after = subject.read(x, given or None)
        return (y, *(p for p in tensors(after) if p.is_floating_point()))

    if not all(part.requires_grad for part in read(*moved)):
        return "an output, or a part of the state, has no gradient"
    try:
        torch.autograd.gradcheck(read, moved, fast_mode=True)
    except GradcheckError:
        return f"of {'input and state' if state else 'the input'}: finite differences disagree"
    return ""


def precise(subject: Subject) -> str:
    """float32 gives what float64 gives, gradients too, and stays float32."""
    if subject.dtype != torch.float64:
        raise Remark("skipped", f"it does not compute in float64: {subject.reason}")
    x = subject.x.float()
    made = subject.single[0](x, None)
    for part in (made[0], *tensors(made[1])):
        if part.dtype == torch.float64:
            return "float32 becomes float64"
    rounding = max(SINGLE, subject.rounding)
    expected = subject.read(x.double(), None)[0]
    if found := compare(made[0].double(), expected, rounding):
        return f"against float64, {found}"
    rough, exact = (
        torch.autograd.grad(y.square().sum(), [*mixer.parameters()], allow_unused=True)
        for y, mixer in ((made[0], subject.single[0]), (expected, subject.mixers[0]))
    )
    pairs = [(a, b) for a, b in zip(rough, exact, strict=True) if a is not None and b is not None]
    largest = max((float(b.abs().max()) for _, b in pairs), default=0.0)
    for (name, _), a, b in zip(subject.single[0].named_parameters(), rough, exact, strict=True):
        if a is None or b is None:
            continue
        gap = float((a.double() - b).abs().max())
        if not gap <= 10 * rounding * largest:
            share = contract.amount(gap / largest)
            return f"against float64, the gradient of {name} differs by {share} of the largest"
    return ""


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
    "gradcheck": checked,
    "float32 = float64": precise,
}
"""Each returns what is wrong, or "", or raises a `Remark`."""
