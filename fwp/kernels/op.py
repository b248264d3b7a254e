"""What all ops share: declaration, checks of the arguments, choice of a backend, packs.

An op is declared once, from its reference:

    @op(cost=lambda n: 2 * n["K"] * n["V"])
    def linear_attention(
        q: Float[Tensor, "B T H K"],
        k: Float[Tensor, "B T H K"],
        v: Float[Tensor, "B T H V"],
        S: Float[Tensor, "B H K V"],
    ) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:

A pair of output and state makes it a recurrence, whose last argument is the initial state.
Arguments by keyword only are options. Their defaults are handed to every backend.

A pack is several models of one shape that are computed together, by `torch.vmap` over their stacked
weights (see `fwp.kernels.vmap`). Ops take part in it without a line of their own.
"""

import inspect
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fwp.kernels import packed, shapes
from fwp.kernels.backend import Backend, always, with_kernels
from fwp.kernels.plan import Plan, find, keep, kind, loaded
from fwp.kernels.vmap import in_pack

State = Tensor | tuple[Tensor, ...]
EVERY_OP = """
Args of every op:
    backend: "auto", or one of `backends`.

Raises:
    ValueError: for shapes, dtypes, options or a backend that are not allowed.
"""


def zero_state(op: "Op", inputs: dict[str, Tensor]) -> State:
    """The usual state before the first step: zeros of the declared shapes."""
    sizes = op.sizes(inputs)
    like = next(iter(inputs.values()))
    zeros = tuple(like.new_zeros([sizes[letter] for letter in spec]) for spec in op.state_specs)
    return zeros if isinstance(op.state, tuple) else zeros[0]


def unchanged(*inputs: Tensor) -> tuple[Tensor, ...]:
    """Typical inputs of an op that reads standard normal tensors as they are."""
    return inputs


def initialised(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """Typical inputs of a plain recurrent net: weights about as large as they are at first."""
    return x, w_x / w_x.shape[-1] ** 0.5, w_h / w_h.shape[-1] ** 0.5, b


def op(
    *,
    cost: Callable[[dict[str, int]], int],
    initial: Callable[["Op", dict[str, Tensor]], State | None] = zero_state,
    typical: Callable[..., Iterable[Tensor]] = unchanged,
    check: Callable[[dict[str, int]], None] | None = None,
    check_options: Callable[..., None] | None = None,
) -> Callable[[Callable], "Op"]:
    """Declare an op by its reference; see `Op` for the arguments, and the module for an example.

    Raises:
        TypeError: an argument of the reference has no declared shape.
    """

    def declare(reference: Callable) -> Op:
        parameters = inspect.signature(reference).parameters.values()
        options = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}
        tensors = {p.name: p.annotation for p in parameters if p.name not in options}
        returned, state = inspect.signature(reference).return_annotation, ()
        if typing.get_origin(returned) is tuple:
            returned, after = typing.get_args(returned)
            _, before = tensors.popitem()
            state = shapes.states(before)
            if state != shapes.states(after):
                raise TypeError(f"{reference.__name__}: its states differ, {before} and {after}")
        declared = {name: shapes.declared(annotation) for name, annotation in tensors.items()}
        file, heads = Path(reference.__code__.co_filename), "H" in "".join(state)
        kernels = {}
        if file.name == "__init__.py":
            kernels = with_kernels(reference.__module__, file.parent, reference.__name__, heads)
        return Op(
            name=reference.__name__,
            doc=inspect.getdoc(reference) or "",
            inputs={name: x.shape for name, x in declared.items()},
            state=state,
            output=shapes.declared(returned).shape,
            cost=cost,
            backends=kernels | {"reference": Backend(reference)},
            initial=initial,
            typical=typical,
            check=check,
            check_options=check_options,
            integers=frozenset(name for name, x in declared.items() if x.integer),
            optional=frozenset(name for name, x in declared.items() if x.optional),
            options={name: p.default for name, p in options.items()},
            choices={
                name: choices
                for name, p in options.items()
                if typing.get_origin(p.annotation) is typing.Literal
                and (choices := typing.get_args(p.annotation))
            },
        )

    return declare


@dataclass(eq=False)
class Op:
    """A declared op. Called, it is the function that its reference says.

    inputs: shape of each input by name, e.g. {"q": "BTHK"} (see `fwp.kernels.shapes`); those with a
        T are sequences.
    state: shape of the state, a tuple of shapes if it has several parts, () if there is none.
    output: shape of the output.
    cost: multiply-adds of one step of one sequence (and head) from the sizes, elementary functions
        left out; what benchmarks count.
    backends: by name, in the order in which `backend="auto"` prefers them; "reference" is the loop
        over time that reads like the equation and defines what the others must compute.
    initial: makes the state before the first step, where the caller gives none; None only where
        all backends of a CPU take it.
    typical: turns standard normal inputs into ones that a model might feed the op (positive keys,
        write strengths in (0, 1), tokens, ...), for tests and benchmarks.
    check: called with the sizes; check_options: with the options by name; they raise ValueError.
    integers, optional: inputs that hold integers, and that may be None.
    options: defaults by name; choices: what they may be, if that is a list.
    """

    name: str
    doc: str
    inputs: dict[str, str]
    state: str | tuple[str, ...]
    output: str
    cost: Callable[[dict[str, int]], int]
    backends: dict[str, Backend]
    initial: Callable[["Op", dict[str, Tensor]], State | None] = zero_state
    typical: Callable[..., Iterable[Tensor]] = unchanged
    check: Callable[[dict[str, int]], None] | None = None
    check_options: Callable[..., None] | None = None
    integers: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    options: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, tuple] = field(default_factory=dict)

    def __post_init__(self):
        self.__name__ = self.name
        self.__doc__ = f"{self.doc}\n{EVERY_OP}"
        self.__signature__ = self._signature()
        self._names = (*self.inputs, "initial_state") if self.state else (*self.inputs,)
        self._variants: dict[tuple, Op] = {}
        self.backends = {name: self._with_options(x) for name, x in self.backends.items()}

    def __call__(self, *given: Any, backend: str = "auto", **named: Any) -> Any:
        """Compute the output or, if the op has a state, output and final state."""
        values = (*given, *named.values()) if named else given
        key = (self, backend, in_pack(), len(self.backends), len(given), *named, *map(kind, values))
        plan = find(key) or keep(key, self._plan(backend, given, named))
        return plan(values)

    def compute(
        self, backend: str, initial_state: State | None, **inputs: Tensor | None
    ) -> tuple[Tensor, State]:
        """Output and final state, () if the op has none; the same call for every op."""
        named = inputs | ({"initial_state": initial_state} if self.state else {})
        result = self(backend=backend, **named)
        return result if self.state else (result, ())

    def _plan(self, backend: str, given: tuple, named: dict[str, Any]) -> Plan:
        """What a call with such arguments comes to.

        Raises:
            ValueError, TypeError: the arguments are not those of the op.
        """
        op, state, inputs = self._bind(given, named)
        op._check([*inputs.values()], state)
        chosen = op.choose(backend, inputs)
        places = (*self._names[: len(given)], *named)
        names = (*op.inputs,) if state is None else (*op.inputs, "initial_state")
        order = tuple(places.index(name) for name in names)
        as_given = order == tuple(range(len(places)))
        if chosen.unusable is not always and in_pack():
            run = partial(packed.compute, op, chosen)
        elif chosen.packs:
            run = partial(packed.compute_one, op, loaded(chosen.run))
        else:
            run = loaded(chosen.run)
        initial = op.initial if op.state and state is None else None
        return Plan(op, run, None if as_given else order, initial)

    def _bind(self, given: tuple, named: dict[str, Any]) -> tuple["Op", State | None, dict]:
        """The variant, the initial state and the inputs in order that arguments stand for."""
        arguments = dict(zip(self._names, given, strict=False)) | named
        if len(arguments) < len(given) + len(named) or not self._complete(arguments):
            self.__signature__.bind(*given, **named)  # says what is wrong
        options = {name: arguments[name] for name in self.options if name in arguments}
        op = self.variant(**options) if options else self
        absent = tuple(name for name in self.optional if arguments.get(name) is None)
        op = op.without(*absent) if absent else op
        return op, arguments.get("initial_state"), {name: arguments[name] for name in op.inputs}

    def _complete(self, arguments: dict[str, Any]) -> bool:
        """Whether all inputs are among the arguments, and nothing that is unknown."""
        known = {*self._names, *self.options}
        return arguments.keys() <= known and self.inputs.keys() - arguments <= self.optional

    def backend(
        self,
        unusable: Callable[[dict[str, Tensor]], str | None] = always,
        packs: bool = False,
        name: str | None = None,
    ) -> Callable[[Callable], Callable]:
        """Declare a further way to compute the op, by the name of the decorated function or `name`.

        It is preferred to the reference, and to what is declared after it. See `Backend`.
        """

        def declare(run: Callable) -> Callable:
            reference = self.backends.pop("reference")
            self.backends[name or run.__name__] = self._with_options(Backend(run, unusable, packs))
            self.backends["reference"] = reference
            return run

        return declare

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """Names of the inputs that all sequences of a batch share."""
        return tuple(name for name, spec in self.inputs.items() if "B" not in spec)

    @property
    def state_specs(self) -> tuple[str, ...]:
        """Shapes of the parts of the state."""
        return self.state if isinstance(self.state, tuple) else (self.state,)

    def variant(self, **options: Any) -> "Op":
        """This op with other options.

        Raises:
            ValueError: an option is not what it may be.
        """
        key = tuple(options.items())
        if key not in self._variants:
            for name, value in options.items():
                allowed = self.choices.get(name, (value,))
                if value not in allowed:
                    raise ValueError(
                        f"{self.name}: {name} must be {' or '.join(allowed)}, got {value!r}"
                    )
            options = self.options | options
            if self.check_options is not None:
                self.check_options(**options)
            same = options == self.options
            self._variants[key] = self if same else replace(self, options=options)
        return self._variants[key]

    def without(self, *names: str) -> "Op":
        """This op without optional inputs."""
        if names not in self._variants:
            inputs = {name: spec for name, spec in self.inputs.items() if name not in names}
            optional = self.optional - {*names}
            self._variants[names] = replace(self, inputs=inputs, optional=optional)
        return self._variants[names]

    def sizes(self, inputs: dict[str, Tensor]) -> dict[str, int]:
        """The value of each letter of the declared shapes."""
        return {letter: inputs[name].shape[dim] for letter, (name, dim) in self._places.items()}

    def choose(self, backend: str, inputs: dict[str, Tensor]) -> Backend:
        """The backend of that name, or for "auto" the first one usable for the inputs."""
        if backend == "auto":
            for usable in self.backends.values():
                able = usable.unusable is always or usable.unusable(inputs) is None
                if able and (usable.slow is None or not usable.slow(inputs)):
                    return usable
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
        """Random inputs by name; a large `scale` saturates whatever gates the op is fed.

        A * in a shape becomes one dimension, of size 2 unless `sizes` has H.
        """
        sizes["*"] = sizes.get("H", 2)
        normal = (
            scale * torch.randn(shape, generator=generator, dtype=dtype)
            for shape in (
                [int(x) if x.isdigit() else sizes[x] for x in spec] for spec in self.inputs.values()
            )
        )
        return dict(zip(self.inputs, self.typical(*normal), strict=True))

    @cached_property
    def _places(self) -> dict[str, tuple[str, int]]:
        """An input, and a dimension of it, where each letter is found."""
        return {
            letter: (name, dim)
            for name, spec in self.inputs.items()
            for letter, dim in shapes.dimensions(spec)
        }

    def _signature(self) -> inspect.Signature:
        """Inputs in order, the initial state if there is one, options and backend by keyword."""
        made, by_name = inspect.Parameter, inspect.Parameter.KEYWORD_ONLY
        defaults = dict.fromkeys(self.inputs, made.empty) | dict.fromkeys(self.optional)
        if self.state:
            defaults["initial_state"] = None
        further = self.options | {"backend": "auto"}
        return inspect.Signature(
            [made(name, made.POSITIONAL_OR_KEYWORD, default=x) for name, x in defaults.items()]
            + [made(name, by_name, default=x) for name, x in further.items()]
        )

    def _with_options(self, backend: Backend) -> Backend:
        if not self.options:
            return backend
        return replace(backend, run=partial(backend.run, **self.options))

    def _check(self, tensors: list[Tensor], initial_state: State | None) -> None:
        """Compare inputs, and parts of the initial state if it is given, with what is declared."""
        given = tensors
        if initial_state is not None and self.state:
            parts = initial_state if isinstance(initial_state, tuple | list) else (initial_state,)
            if len(parts) != len(self.state_specs):
                raise ValueError(
                    f"{self.name}: the state has {len(self.state_specs)} parts "
                    f"({shapes.written(*self.state_specs)}), initial_state has {len(parts)}"
                )
            given = [*tensors, *parts]
        specs = self.state_specs
        states = [
            f"initial_state[{i}]" if len(specs) > 1 else "initial_state" for i in range(len(specs))
        ]
        names, specs = (*self.inputs, *states), (*self.inputs.values(), *specs)
        kinds = tuple(map(shapes.kind, given))
        sizes = shapes.sizes_of(self.name, names, specs, kinds, self.integers)
        if self.check is not None:
            self.check(sizes)
