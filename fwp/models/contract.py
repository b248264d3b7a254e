"""What every mixer must do, as functions that look for the opposite.

Each takes `read`, which maps x [B, T, …] and a state to y [B, T, …] and the state after it, and
returns what is wrong in words, or "" if nothing is. `require_contract` asks them of a model before
it is trained or measured, and `fwp.models.check` asks more of them of a mixer. No result depends on
this file: it lets a model pass, or stops the job.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from fwp.mixers import MixerError
from fwp.models.block import Block
from fwp.models.pack import starts_anew
from fwp.models.sequence_model import SequenceModel

Read = Callable[[Tensor, object], tuple[Tensor, object]]

PIECES = (13, 1, 18)  # symbols: what is remembered is handed on twice, once by a single symbol
STRINGS = 2
ROUNDING = {"cpu": 1e-3, "cuda": 1e-2}
"""By what share of the largest output two ways of reading may differ in float32.

Trained mixers of the package reach 1e-6. What a wrong mixer loses is larger by far. A recurrence
can amplify rounding, and on a GPU cuDNN rounds factors to ten bits.
"""


def require_contract(model: nn.Module, symbols: int, *, device: str = "cpu") -> None:
    """Refuse a model whose accuracies would depend on how its strings are cut, or on the future.

    Costs a few milliseconds. Weights, mode and the streams of random numbers stay as they are.

    Args:
        model: on the device.
        symbols: size of its alphabet.
        device: "cpu" or "cuda".

    Raises:
        MixerError: which mixer does what, the rule, and what to do.
    """
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(_gpus(device)):
            generator = torch.Generator().manual_seed(0)
            shape = (STRINGS, sum(PIECES))
            tokens = torch.randint(symbols, shape, generator=generator).to(device)
            for name, read, x, rounding in _parts(model, tokens):
                _require(name, read, x, rounding)
    finally:
        for module in training:
            module.training = True


def _gpus(device: str) -> list[int]:
    return [torch.cuda.current_device()] if device == "cuda" else []


def _parts(model: nn.Module, tokens: Tensor) -> Iterator[tuple[str, Read, Tensor, float]]:
    """Name, function and input of each mixer; of the whole model if it is of another kind."""
    if not isinstance(model, SequenceModel):
        yield type(model).__name__, model, tokens, rounding_of(model, tokens)
        return
    # Kernels of the package's own mixers are compared with loops by its tests. A GPU would compile
    # them anew, in seconds, for the shapes of these strings.
    trusted = tokens.device.type == "cuda"
    for block in model.blocks:
        assert isinstance(block, Block)
        kind = type(block.mixer)
        if not (trusted and kind.__module__.startswith("fwp.mixers.")):
            x = model.embedding(tokens)
            name = f"{kind.__module__}:{kind.__qualname__}"
            yield f"mixer {name}", block.mix, x, rounding_of(block.mixer, x)


def rounding_of(mixer: nn.Module, x: Tensor) -> float:
    """By what share of the largest output two ways of reading x may differ."""
    usual = 1e-6 if x.dtype == torch.float64 else ROUNDING[x.device.type]
    return getattr(mixer, "rounding", usual)


def _require(name: str, read: Read, x: Tensor, rounding: float) -> None:
    _, state = read(x, None)
    if starts_anew(state):
        rule, cure = "without a state, strings are read whole, each from its beginning", (
            "keep nothing between two calls, or return it as the state"
        )  # fmt: skip
        found = repeatable(read, x, rounding)
        if not found:
            rule = "an output depends only on the symbols so far"
            cure = "mask the symbols to come"
            found = causal(read, x, PIECES[0], rounding)
    else:
        rule = "two halves of a string with the state carried over must equal the whole"
        cure = (
            "return all that is remembered as the state, a tuple of tensors whose first axis is "
            "the batch, and start from the state that is given; or return None as the state, and "
            "strings are read whole"
        )
        found = streamed(read, x, PIECES, rounding)
    if found:
        raise MixerError(f"{name}: {rule}; {found}. To fix this, {cure}; `fwp check` tests a mixer")


def require_state(model: SequenceModel, state: object) -> None:
    """Refuse a model without a state where the state is what is looked at.

    Raises:
        MixerError: which, and how to leave it out.
    """
    if starts_anew(state):
        kind = type(model.blocks[0].mixer)
        raise MixerError(
            f"mixer {kind.__module__}:{kind.__qualname__} returns None as its state, so that there "
            "is nothing to analyse; allowed: analysis.models with other models"
        )


def streamed(read: Read, x: Tensor, pieces: Sequence[int], rounding: float) -> str:
    """Pieces with the state carried over give the outputs of the whole."""
    whole, _ = read(x, None)
    outputs, state = [], None
    for piece in x.split(list(pieces), dim=1):
        y, state = read(piece, state)
        outputs.append(y)
    found = compare(torch.cat(outputs, 1), whole, rounding)
    return f"in pieces of {', '.join(map(str, pieces))} symbols {found}" if found else ""


def repeatable(read: Read, x: Tensor, rounding: float = 0.0) -> str:
    """The same input gives the same outputs, whatever is read in between."""
    first, _ = read(x, None)
    read(x[:1, :1], None)
    found = compare(read(x, None)[0], first, rounding)
    return f"when the same string is read again, {found}" if found else ""


def causal(read: Read, x: Tensor, known: int, rounding: float) -> str:
    """The first `known` symbols by themselves give the outputs that they give within the whole."""
    found = compare(read(x[:, :known], None)[0], read(x, None)[0][:, :known], rounding)
    return f"without the symbols after symbol {known}, {found}" if found else ""


def padded(read: Read, x: Tensor, row: int, length: int, rounding: float) -> str:
    """A string by itself gives the outputs that it gives in a batch, with padding at its end."""
    alone, _ = read(x[row : row + 1, :length], None)
    found = compare(alone, read(x, None)[0][row : row + 1, :length], rounding)
    return f"without the other strings and the padding, {found}" if found else ""


def compare(got: Tensor, expected: Tensor, rounding: float) -> str:
    """Where and by how much outputs [B, T, …] differ, or "" if by rounding alone."""
    if got.shape != expected.shape:
        return f"the outputs have the size {[*got.shape]} instead of {[*expected.shape]}"
    if (share := difference(got, expected)) <= rounding:
        return ""
    if share == float("inf"):
        return "the outputs are finite one time and not the other"
    scale = _scale(expected)
    gaps = (_share(got[:, t], expected[:, t], scale) for t in range(got.shape[1]))
    first = next((t for t, gap in enumerate(gaps, 1) if gap > rounding), 0)
    return (
        f"the outputs differ from symbol {first} of {got.shape[1]} on, by up to {amount(share)} "
        "of the largest"
    )


def difference(got: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest entry of `expected`.

    0 if neither is finite everywhere, as after a training that diverged; infinite if one is.
    """
    finite = bool(got.isfinite().all()), bool(expected.isfinite().all())
    if not all(finite):
        return float("inf") if any(finite) else 0.0
    return _share(got, expected, _scale(expected))


def _scale(x: Tensor) -> float:
    return float(x.detach().double().abs().max()) if x.numel() else 0.0


def _share(got: Tensor, expected: Tensor, scale: float) -> float:
    gap = _scale(got.double() - expected.double())
    return gap / scale if scale else gap and float("inf")


def amount(share: float) -> str:
    """A share with two digits or more: 250%, 4.3%, 1e-09."""
    if share < 1e-6:
        return f"{share:.2g}"
    return f"{100 * share:.0f}%" if share > 0.1 else f"{100 * share:.2g}%"
