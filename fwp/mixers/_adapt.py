"""Any module with [batch, time, width] in and out as a mixer: `fwp.adapt(factory)`.

    fwp.build_model(fwp.adapt(lambda width: nn.GRU(width, width, batch_first=True)), data)

In a config, `mixer: "my_module:factory"` names a function or a class that builds such a module from
a width. A plan calls it by the name of this file in front, `fwp.mixers._adapt:my_module:factory`,
so that a job finds it here.
"""

import importlib
import inspect
import itertools
from collections.abc import Callable
from functools import cache
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as trees

from fwp.mixers import MixerError, require_class

PREFIX = f"{__name__}:"
STATES = (
    *("state", "states", "s", "h", "hx", "hc", "h0", "h_0", "hidden", "hidden_state"),
    *("hidden_states", "initial_state", "init_state", "prev_state", "previous_state"),
    *("last_state", "recurrent_state", "carry", "cache", "past"),
)
"""Names by which a module's second argument is known to be its state, if None by default."""

DECLARED = ("wiring", "rounding", "title", "latex", "state_names", "look")
_own: dict[str, type] = {}


class Layout(NamedTuple):
    """How a module holds its state.

    Attributes:
        shape: the tuples, lists and dicts of the state, with numbers of leaves in place of tensors.
        axes: of each leaf, where the batch is; None if it is the same for every string.
        empty: whether a leaf is None instead of a tensor.
    """

    shape: object
    axes: tuple[int | None, ...]
    empty: tuple[bool, ...]

    def out(self, state: object, batch: int) -> tuple[Tensor, ...]:
        """The state as the contract of mixers has it: a tuple of tensors, the batch first."""
        leaves = trees.tree_leaves(state)
        if [leaf is None for leaf in leaves] != [*self.empty]:
            raise MixerError("the state of a module must have the same parts after each call")
        return tuple(
            leaf.unsqueeze(0).expand(batch, *leaf.shape) if axis is None else leaf.movedim(axis, 0)
            for leaf, axis in zip(leaves, self.axes, strict=True)
            if leaf is not None
        )

    def back(self, state: tuple[Tensor, ...]) -> object:
        """The state as the module has it."""
        parts = iter(state)
        leaves = [
            None if empty else _put_back(next(parts), axis)
            for axis, empty in zip(self.axes, self.empty, strict=True)
        ]
        return trees.tree_map(lambda i: leaves[i], self.shape)


def _put_back(part: Tensor, axis: int | None) -> Tensor:
    return part[0] if axis is None else part.movedim(0, axis).contiguous()


class Adapted(nn.Module):
    """A module behind the contract of mixers; `adapt` makes its subclasses.

    Args:
        hidden: width of input and output.
        options: further arguments of the factory.

    Attributes:
        module: what the factory has built.
    """

    wiring = "pre_norm"
    make: ClassVar[Callable[..., object]]
    carries: ClassVar[bool | None] = None

    def __init__(self, hidden: int, **options):
        super().__init__()
        try:
            inspect.signature(self.make).bind(hidden, **options)
        except TypeError as error:
            raise MixerError(f"{self._what} cannot be called with a width: {error}") from None
        except ValueError:  # not written in Python
            pass
        module = self.make(hidden, **options)
        if not isinstance(module, nn.Module):
            raise MixerError(f"{self._what} must build a torch.nn.Module, got {module!r}")
        if isinstance(module, nn.RNNBase) and module.bidirectional:
            raise MixerError(f"{self._what}: bidirectional=True sees the symbols to come")
        if isinstance(module, nn.RNNBase) and not module.batch_first:
            raise MixerError(f"{self._what}: x is [batch, time, width]; give batch_first=True")
        self.module = module
        self._streams = takes_state(module) if self.carries is None else self.carries
        self._layout: Layout | None = None

    @property
    def _what(self) -> str:
        return f"mixer {type(self).__module__}:{type(self).__qualname__}"

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden] and the state, or None if strings are whole.

        Raises:
            MixerError: what the module returns is no y of that size, or no state.
        """
        if self._streams and self._layout is None:
            self._layout = self._found(x)
            self._streams = self._layout is not None
        if self._layout is None:
            return self._output(self.module(x), x), None
        made = self.module(x) if state is None else self.module(x, self._layout.back(state))
        return self._output(made, x), self._layout.out(made[1], len(x))

    def _output(self, made: object, x: Tensor) -> Tensor:
        y = made[0] if isinstance(made, tuple | list) and made else made
        if isinstance(y, Tensor) and y.shape == x.shape:
            return y
        got = f"a tensor {[*y.shape]}" if isinstance(y, Tensor) else type(y).__name__
        raise MixerError(
            f"{self._what} must return y as large as its input, here {[*x.shape]}, or a tuple that "
            f"begins with y; got {got}"
        )

    @torch.no_grad()
    def _found(self, x: Tensor) -> Layout | None:
        """The layout of the state, by what two and three strings of one symbol leave behind."""
        training = [module for module in self.module.modules() if module.training]
        self.module.eval()
        try:
            made = [self.module(x.new_zeros(batch, 1, x.shape[-1])) for batch in (2, 3)]
        finally:
            for module in training:
                module.training = True
        layout = _layout(made)
        if layout is None and self.carries:
            raise MixerError(
                f"{self._what} must return (y, state), where the state is a tensor, or tuples, "
                "lists and dicts of tensors that have the batch as one of their axes; "
                "state=False reads strings whole"
            )
        return layout


def _layout(made: list) -> Layout | None:
    """The layout of the states in two results, for 2 and 3 strings; None if there is none."""
    if not all(isinstance(one, tuple | list) and len(one) == 2 for one in made):
        return None
    small, large = (trees.tree_leaves(one[1]) for one in made)
    if len(small) != len(large):
        return None
    axes: list[int | None] = []
    for a, b in zip(small, large, strict=True):
        if a is None and b is None:
            axes.append(None)
            continue
        if not (isinstance(a, Tensor) and isinstance(b, Tensor) and a.dim() == b.dim()):
            return None
        differ = [i for i, (m, n) in enumerate(zip(a.shape, b.shape, strict=True)) if m != n]
        if len(differ) > 1 or (differ and (a.shape[differ[0]], b.shape[differ[0]]) != (2, 3)):
            return None
        axes.append(differ[0] if differ else None)
    if all(leaf is None for leaf in small):
        return None
    count = itertools.count()
    shape = trees.tree_map(lambda _: next(count), made[0][1])
    return Layout(shape, tuple(axes), tuple(leaf is None for leaf in small))


def takes_state(module: nn.Module) -> bool:
    """Whether a module's forward takes its state: `hx=None`, say, as its second argument."""
    try:
        taken = [*inspect.signature(module.forward).parameters.values()]
    except (TypeError, ValueError):  # not written in Python
        return False
    second = taken[1] if len(taken) > 1 else None
    return (
        second is not None
        and second.kind is second.POSITIONAL_OR_KEYWORD
        and second.name in STATES
        and second.default is None
    )


def adapt(
    factory: Callable[..., object], *, state: bool | None = None, wiring: str | None = None
) -> type:
    """A mixer of any module that maps x [batch, time, width] to y of the same size.

    The module may return y, or a tuple that begins with y. It must be causal.

    Args:
        factory: builds the module from its width, and from options by name. It may be a class.
            Recurrent layers of PyTorch, such as `nn.GRU`, are built with `batch_first=True`.
        state: True if the module is called as `module(x, state)`, and returns (y, state), so that
            strings can be read in pieces; False if strings are read whole. By default it is found
            out by the name of the second argument, which must be one of `STATES` and be None if
            it is not given. The batch may be any axis of the state's tensors.
        wiring: of the block around it, one of `fwp.models.block.WIRINGS`; pre_norm by default.

    Returns:
        A class, which stands wherever the name of a mixer does.

    Raises:
        MixerError: the factory cannot be called, or is a module itself.
    """
    if isinstance(factory, nn.Module):
        raise MixerError(
            "what builds a module is needed, such as lambda width: nn.GRU(width, width, "
            f"batch_first=True), got a {type(factory).__name__} itself: every layer and every seed "
            "has a module of its own"
        )
    if not callable(factory):
        raise MixerError(f"a function or a class that builds a module is needed, got {factory!r}")
    if isinstance(factory, type) and issubclass(factory, Adapted):
        return factory
    make = factory
    if isinstance(factory, type) and issubclass(factory, nn.RNNBase):
        make = _recurrent(factory)
    facts = {key: getattr(factory, key) for key in DECLARED if hasattr(factory, key)}
    name = getattr(factory, "__qualname__", type(factory).__qualname__)
    own = {
        **facts,
        "make": staticmethod(make),
        "carries": state,
        "__module__": getattr(factory, "__module__", None) or type(factory).__module__,
        "__qualname__": name,
        "__doc__": getattr(factory, "__doc__", None),
    }
    return type(name.rpartition(".")[2], (Adapted,), own | ({"wiring": wiring} if wiring else {}))


def _recurrent(kind: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    def make(width: int, *, num_layers: int = 1, bias: bool = True, dropout: float = 0.0):
        return kind(
            width, width, num_layers=num_layers, bias=bias, dropout=dropout, batch_first=True
        )

    return make


def follows(kind: object) -> bool:
    """Whether a class is meant to be a mixer already: its forward takes x and `state`."""
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        return False
    try:
        taken = [*inspect.signature(kind.forward, follow_wrapped=False).parameters.values()]
    except (TypeError, ValueError):  # not written in Python
        return True
    second = taken[2] if len(taken) > 2 else None
    return any(p.kind is p.VAR_POSITIONAL for p in taken[:3]) or (
        second is not None and second.name == "state" and second.kind is not second.KEYWORD_ONLY
    )


def as_mixer(kind: object) -> type:
    """A class of mixers as it is; a mixer of any other class of modules, or of a factory.

    Raises:
        MixerError: it is neither.
    """
    if isinstance(kind, type) and (not issubclass(kind, nn.Module) or follows(kind)):
        require_class(kind, kind.__name__)
        return kind
    if isinstance(kind, type) and kind.forward is nn.Module.forward:
        require_class(kind, kind.__name__)
    return adapt(kind)  # pyright: ignore[reportArgumentType] - told if it cannot be called


def named(kind: type) -> str:
    """A name by which `fwp.mixers.get` finds a class in this process, wherever it was made."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    _own[name] = kind
    return PREFIX + name


@cache
def _adapted(kind: object) -> type:
    return as_mixer(kind)


def __getattr__(name: str) -> type:
    """The mixer of `module:attribute`, or that of `named`."""
    if name in _own:
        return _own[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _adapted(getattr(importlib.import_module(module), attribute))
