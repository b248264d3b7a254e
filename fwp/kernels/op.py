"""What all ops share: declared shapes, checks of the arguments, choice of a backend, packs.

Shapes are written as one letter per dimension: B batch, T time, H heads, D head size (K and V where
keys and values may differ in size). A letter has one value throughout a call; a digit is itself.

A pack is several models of one shape that are computed together, by `torch.vmap` over their stacked
weights (see `fwp.packs`). Ops take part in it without a line of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial

import torch
from torch import Tensor

from fwp.kernels.vmap import in_pack, stacked

State = Tensor | tuple[Tensor, ...]


def always(_: dict[str, Tensor]) -> None:
    """Usable everywhere: the `unusable` of a backend written in plain PyTorch."""


@dataclass(frozen=True)
class Backend:
    """One way to compute an op.

    run: called with the op's inputs in order, then the initial state; returns (output, state).
    unusable: given the inputs by name, the reason why `run` cannot be used for them, or None.
    packs: whether `run` computes a whole pack of R models: weights (inputs without B) come with a
        further first dimension R, sequences and states as [R · B, ...], those of a model one after
        another. Other backends are called once per model, unless the op has no weights, or unless
        they are plain PyTorch, which `torch.vmap` sees through.
    """

    run: Callable[..., tuple[Tensor, State]]
    unusable: Callable[[dict[str, Tensor]], str | None] = always
    packs: bool = False


def initialised(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """Typical inputs of a plain recurrent net: weights about as large as they are at first."""
    return x, w_x / w_x.shape[-1] ** 0.5, w_h / w_h.shape[-1] ** 0.5, b


def only_on_cpu(inputs: dict[str, Tensor]) -> str | None:
    """Why a function of PyTorch's own for recurrent nets is not used for `inputs`, or None."""
    device = next(iter(inputs.values())).device
    if device.type == "cpu":
        return None
    return f"it computes on the CPU (elsewhere PyTorch may round to TF32), not on {device}"


def zero_state(op: "Op", inputs: dict[str, Tensor]) -> State:
    """The usual state before the first step: zeros of the declared shapes."""
    sizes = op.sizes(inputs)
    like = next(iter(inputs.values()))
    zeros = tuple(like.new_zeros([sizes[letter] for letter in spec]) for spec in op.state_specs)
    return zeros if isinstance(op.state, tuple) else zeros[0]


def unchanged(*inputs: Tensor) -> tuple[Tensor, ...]:
    """Typical inputs of an op that reads standard normal tensors as they are."""
    return inputs


@dataclass(frozen=True, eq=False)
class Op:
    """Declaration of a recurrence.

    inputs: shape of each input by name, e.g. {"q": "BTHK"}; those with a T are sequences.
    state: shape of the state, or a tuple of shapes if it has several parts.
    cost: multiply-adds of one step of one sequence (and head) from the sizes, elementary functions
        left out; what benchmarks count.
    backends: by name, in the order in which `backend="auto"` prefers them; "reference" is the loop
        over time that reads like the equation and defines what the others must compute.
    initial: makes the state before the first step, where the caller gives none.
    typical: turns standard normal inputs into ones that a model might feed the op (positive keys,
        write strengths in (0, 1), ...), for tests and benchmarks.
    """

    name: str
    inputs: dict[str, str]
    state: str | tuple[str, ...]
    cost: Callable[[dict[str, int]], int]
    backends: dict[str, Backend]
    initial: Callable[["Op", dict[str, Tensor]], State] = zero_state
    typical: Callable[..., tuple[Tensor, ...]] = field(default=unchanged)

    def __call__(
        self, backend: str, initial_state: State | None, **inputs: Tensor
    ) -> tuple[Tensor, State]:
        """Check the arguments, then compute (output, final state) with the chosen backend."""
        self._check(inputs, initial_state)
        if initial_state is None:
            initial_state = self.initial(self, inputs)
        chosen = self.choose(backend, inputs)
        if chosen.unusable is not always and in_pack():
            parts = initial_state if isinstance(self.state, tuple) else (initial_state,)
            output, *final = _Packed.apply(self, chosen, *inputs.values(), *parts)
            return output, (tuple(final) if isinstance(self.state, tuple) else final[0])
        if chosen.packs:
            weights = {n: x.unsqueeze(0) for n, x in inputs.items() if n in self.weights}
            inputs = inputs | weights
        return chosen.run(*inputs.values(), initial_state)

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the inputs that all sequences of a batch share."""
        return tuple(name for name, spec in self.inputs.items() if "B" not in spec)

    @property
    def state_specs(self) -> tuple[str, ...]:
        """Shapes of the parts of the state."""
        return self.state if isinstance(self.state, tuple) else (self.state,)

    def variant(self, **parts) -> "Op":
        """This op with `parts` handed to every backend as further keyword arguments."""
        backends = {
            name: replace(backend, run=partial(backend.run, **parts))
            for name, backend in self.backends.items()
        }
        return replace(self, backends=backends)

    def sizes(self, inputs: dict[str, Tensor]) -> dict[str, int]:
        """The value of each letter of the declared shapes."""
        return {letter: inputs[name].shape[dim] for letter, (name, dim) in self._places.items()}

    @cached_property
    def _places(self) -> dict[str, tuple[str, int]]:
        """An input, and a dimension of it, where each letter is found."""
        return {x: (name, i) for name, spec in self.inputs.items() for i, x in enumerate(spec)}

    def choose(self, backend: str, inputs: dict[str, Tensor]) -> Backend:
        """The backend of that name, or for "auto" the first one usable for the inputs."""
        if backend == "auto":
            return next(b for b in self.backends.values() if b.unusable(inputs) is None)
        if backend not in self.backends:
            allowed = ", ".join(["auto", *self.backends])
            raise ValueError(
                f"{self.name}: no backend is called {backend!r}; allowed are {allowed}"
            )
        chosen = self.backends[backend]
        reason = chosen.unusable(inputs)
        if reason is not None:
            raise ValueError(f"{self.name}: backend {backend!r} cannot be used here: {reason}")
        return chosen

    def example(
        self, generator: torch.Generator, dtype: torch.dtype, scale: float = 1.0, **sizes: int
    ) -> dict[str, Tensor]:
        """Random inputs by name; a large `scale` saturates whatever gates the op is fed."""
        normal = (
            scale * torch.randn(shape, generator=generator, dtype=dtype)
            for shape in (
                [int(x) if x.isdigit() else sizes[x] for x in spec] for spec in self.inputs.values()
            )
        )
        return dict(zip(self.inputs, self.typical(*normal), strict=True))

    def _check(self, inputs: dict[str, Tensor], initial_state: State | None) -> None:
        tensors = [inputs[name] for name in self.inputs]
        if initial_state is not None:
            parts = initial_state if isinstance(initial_state, tuple | list) else (initial_state,)
            if len(parts) != len(self.state_specs):
                raise ValueError(
                    f"{self.name}: the state has {len(self.state_specs)} parts "
                    f"({_list(self.state_specs)}), initial_state has {len(parts)}"
                )
            tensors += parts
        _check_kinds(self, tuple(map(_kind, tensors)))


def _kind(x: object) -> tuple | type:
    """All that ops require something of."""
    return (x.shape, x.dtype, x.device) if isinstance(x, Tensor) else type(x)


@lru_cache(1000)  # most calls have the shapes of a call before
def _check_kinds(op: Op, kinds: tuple[tuple | type, ...]) -> None:
    """Compare inputs, and parts of the initial state if it is given, with what `op` declares."""
    parts = op.state_specs
    states = [
        f"initial_state[{i}]" if len(parts) > 1 else "initial_state" for i in range(len(parts))
    ]
    names, specs = (*op.inputs, *states), (*op.inputs.values(), *parts)
    sizes: dict[str, tuple[int, str]] = {}
    for name, spec, kind in zip(names, specs, kinds, strict=False):
        if isinstance(kind, type):
            raise ValueError(f"{op.name}: {name} must be a tensor, got {kind}")
        shape, dtype, device = kind
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{op.name}: {name} has dtype {dtype}; allowed are torch.float32 and torch.float64"
            )
        if kind[1:] != kinds[0][1:]:
            raise ValueError(
                f"{op.name}: all tensors must have one dtype and device, but {names[0]} is "
                f"{kinds[0][1]} on {kinds[0][2]}, {name} is {dtype} on {device}"
            )
        if len(shape) != len(spec) or 0 in shape:
            raise ValueError(
                f"{op.name}: {name} must have the shape [{', '.join(spec)}], "
                f"every size at least 1, got {list(shape)}"
            )
        for letter, size in zip(spec, shape, strict=True):
            expected, origin = sizes.setdefault(letter, (size, name))
            required = int(letter) if letter.isdigit() else expected
            if size != required:
                source = "" if letter.isdigit() else f" with {letter} = {expected} of {origin}"
                raise ValueError(
                    f"{op.name}: {name} must have the shape [{', '.join(spec)}]{source}, "
                    f"got {list(shape)}"
                )


def _list(specs: tuple[str, ...]) -> str:
    return "; ".join(f"[{', '.join(spec)}]" for spec in specs)


class _Packed(torch.autograd.Function):
    """Under `torch.vmap`, computes an op for the whole pack at once.

    Autograd does not see this function: it follows what `vmap` below does with plain tensors.
    """

    @staticmethod
    def forward(op, chosen, *tensors):
        raise NotImplementedError(
            f"{op.name}: torch.vmap over some of the inputs is the only transform of torch.func "
            "that ops support"
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing to keep."""

    @staticmethod
    def vmap(info, in_dims, op, chosen, *tensors):
        """Fold the pack into the batch where the backend allows, else go model by model."""
        size = info.batch_size
        moved = stacked(size, tensors, in_dims[2:])
        if chosen.packs or not op.weights:
            specs = [*op.inputs.values(), *op.state_specs]
            folded = [
                x.flatten(0, 1) if "B" in spec else x for x, spec in zip(moved, specs, strict=True)
            ]
            output = _run(op, chosen, folded)
            output = tuple(x.unflatten(0, (size, -1)) for x in output)
        else:
            outputs = [_run(op, chosen, [x[i] for x in moved]) for i in range(size)]
            output = tuple(torch.stack(parts) for parts in zip(*outputs, strict=True))
        return output, (0,) * len(output)


def _run(op: Op, backend: Backend, tensors: list[Tensor]) -> tuple[Tensor, ...]:
    """Run a backend on inputs and the parts of the state; the output and the state's parts."""
    inputs, parts = tensors[: len(op.inputs)], tuple(tensors[len(op.inputs) :])
    output, state = backend.run(*inputs, parts if isinstance(op.state, tuple) else parts[0])
    return (output, *state) if isinstance(op.state, tuple) else (output, state)
