"""Layers of flash-linear-attention (Yang & Zhang 2024) as mixers: `mixer: fla.GatedDeltaNet`.

The package is an extra, `pip install "fwp-lab[fla]"`, and its kernels run on a GPU. Options are
those of the layer's class.
"""

import importlib
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from fwp.kernels.vmap import in_pack


def layer(name: str) -> type:
    """The layer `name` of the package, as a mixer.

    Raises:
        ValueError: the package is not installed, or has no such layer.
    """
    try:
        kind = getattr(importlib.import_module("fla.layers"), name)
    except ImportError as error:
        raise ValueError(
            f"mixer 'fla.{name}' needs the package flash-linear-attention, which cannot be "
            f"imported ({error}); pip install 'fwp-lab[fla]' installs it"
        ) from error
    except AttributeError as error:
        raise ValueError(f"flash-linear-attention has no layer {name!r}") from error
    return type(name, (Layer,), {"kind": kind, "__doc__": kind.__doc__})


class State(tuple):
    """Tensors of a cache, and how they lie in it.

    Attributes:
        parts: all that the cache holds, in a row, with `State` in place of tensors.
        structure: how it lies there, a spec of `torch.utils._pytree`.
        seen: how many symbols have been read.
    """

    parts: list
    structure: pytree.TreeSpec
    seen: int

    def __new__(cls, cache, seen: int):
        parts, structure = pytree.tree_flatten(dict(cache[0]))
        state = super().__new__(cls, (x for x in parts if isinstance(x, Tensor)))
        state.parts = [cls if isinstance(x, Tensor) else x for x in parts]
        state.structure, state.seen = structure, seen
        return state

    def cache(self):
        """A cache of the package's; of copies, since some layers write into it."""
        from fla.models.utils import Cache  # pyright: ignore[reportMissingImports]

        tensors = iter(self)
        parts = [next(tensors).clone() if x is State else x for x in self.parts]
        whole = pytree.tree_unflatten(parts, self.structure)
        return Cache.from_legacy_cache((whole,), seen_tokens=self.seen)


def require_gpu(name: str, x: Tensor) -> None:
    """Raise RuntimeError unless x, an input of the layer `name`, is on a GPU."""
    if x.device.type != "cuda":
        raise RuntimeError(
            f"mixer 'fla.{name}' runs only on a GPU (compute.device: cuda), the tensors are on "
            f"{x.device}"
        )


class Layer(nn.Module):
    """A layer of the package. Its matrix products are in bfloat16, for which the package is made.

    While the model is trained strings are whole and no state comes out.

    Args:
        hidden: width of input and output.
        options: further arguments of the layer's class.
    """

    wiring = "pre_norm"
    kind: ClassVar[type]

    def __init__(self, hidden: int, **options):
        super().__init__()
        self.layer = self.kind(hidden_size=hidden, layer_idx=0, **options)

    def forward(self, x: Tensor, state: State | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden] and the state, or None in training.

        Raises:
            RuntimeError: x is not on a GPU.
            NotImplementedError: in a pack, or the layer keeps no state.
        """
        if in_pack():
            raise NotImplementedError("kernels of flash-linear-attention compute one model")
        require_gpu(type(self).__name__, x)
        if self.training and state is None:
            return self._call(x), None
        from fla.models.utils import Cache  # pyright: ignore[reportMissingImports]

        cache = Cache() if state is None else state.cache()
        try:
            y = self._call(x, past_key_values=cache, use_cache=True)
        except ValueError:  # Mamba2 goes on from a state by one symbol at a time
            if state is None or x.shape[1] == 1:
                raise
            cache, rest = state.cache(), x.split(1, dim=1)
            parts = [self._call(symbol, past_key_values=cache, use_cache=True) for symbol in rest]
            y = torch.cat(parts, dim=1)
        if not len(cache) or cache[0] is None:
            raise NotImplementedError(
                f"mixer 'fla.{type(self).__name__}' keeps no state, without which strings cannot "
                "be read piece by piece"
            )
        return y, State(cache, x.shape[1] + (0 if state is None else state.seen))

    def _call(self, x: Tensor, **settings) -> Tensor:
        # A CUDA graph must not hold on to weights that were cast before it was captured.
        with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
            output = self.layer(x, **settings)
        return (output[0] if isinstance(output, tuple) else output).to(x.dtype)
