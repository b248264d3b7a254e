"""Declared shapes of tensors: read from annotations, compared with what an op is given.

A shape is written as one letter per dimension: B batch, T time, H heads, D head size (K and V where
keys and values may differ in size). A letter has one value throughout a call. A digit is a size,
and * stands for any number of dimensions. `Float[Tensor, "B T H D"]` is read as "BTHD".
"""

import typing
from dataclasses import dataclass
from types import NoneType

import torch
from torch import Tensor

FLOATS = (torch.float32, torch.float64)
INTEGERS = (torch.int32, torch.int64)
Kind = tuple[torch.Size, torch.dtype, torch.device]


@dataclass(frozen=True)
class Declared:
    """A tensor of a declaration: its shape, whether it holds integers, whether it may be None."""

    shape: str
    integer: bool = False
    optional: bool = False


def declared(annotation: typing.Any) -> Declared:
    """What an annotation by jaxtyping says, `Int[Tensor, "B T"]` or `Float[...] | None`.

    Raises:
        TypeError: it says no shape.
    """
    choices = [x for x in typing.get_args(annotation) or (annotation,) if x is not NoneType]
    if len(choices) != 1 or not hasattr(choices[0], "dim_str"):
        raise TypeError(f"an op's tensors are annotated with a shape, got {annotation!r}")
    (tensor,) = choices
    shape = tensor.dim_str.replace("...", "*").replace(" ", "")
    return Declared(shape, "float32" not in tensor.dtypes, tensor is not annotation)


def states(annotation: typing.Any) -> str | tuple[str, ...]:
    """The shape of a state, or a tuple of shapes if it has several parts."""
    if typing.get_origin(annotation) is tuple:
        return tuple(declared(part).shape for part in typing.get_args(annotation))
    return declared(annotation).shape


def dimensions(shape: str) -> list[tuple[str, int]]:
    """Letters and digits with the dimension that each stands for; behind a * from the end."""
    before, _, after = shape.partition("*")
    ends = (*enumerate(before), *enumerate(after, -len(after)))
    return [(letter, dim) for dim, letter in ends]


def kind(x: object) -> Kind | type:
    """All of a tensor that ops require something of; of anything else, the type."""
    return (x.shape, x.dtype, x.device) if isinstance(x, Tensor) else type(x)


def sizes_of(
    op: str,
    names: tuple[str, ...],
    specs: tuple[str, ...],
    kinds: tuple[Kind | type, ...],
    integers: frozenset[str],
) -> dict[str, int]:
    """The value of each letter.

    Args:
        op: its name, for messages.
        names, specs, kinds: of each tensor; specs are declared shapes.
        integers: names of the tensors that hold integers.

    Raises:
        ValueError: a tensor is not what was declared.
    """
    sizes: dict[str, tuple[int, str]] = {}
    tensors: list[tuple[str, str, Kind]] = []
    for name, spec, found in zip(names, specs, kinds, strict=False):
        if isinstance(found, type):
            raise ValueError(f"{op}: {name} must be a tensor, got {found}")
        tensors.append((name, spec, found))
    like, _, (_, like_dtype, like_device) = next(x for x in tensors if x[0] not in integers)
    for name, spec, (shape, dtype, device) in tensors:
        allowed = INTEGERS if name in integers else FLOATS
        if dtype not in allowed:
            raise ValueError(
                f"{op}: {name} has dtype {dtype}; allowed are {' and '.join(map(str, allowed))}"
            )
        if device != like_device or (dtype != like_dtype and name not in integers):
            raise ValueError(
                f"{op}: all tensors must have one dtype and device, but {like} is "
                f"{like_dtype} on {like_device}, {name} is {dtype} on {device}"
            )
        whole = len(shape) >= len(spec) - 1 if "*" in spec else len(shape) == len(spec)
        if not whole or (0 in shape and not name.startswith("initial_state")):
            raise ValueError(
                f"{op}: {name} must have the shape {written(spec)}, "
                f"every size at least 1, got {list(shape)}"
            )
        for letter, dim in dimensions(spec):
            size = shape[dim]
            expected, origin = sizes.setdefault(letter, (size, name))
            required = int(letter) if letter.isdigit() else expected
            if size != required:
                source = "" if letter.isdigit() else f" with {letter} = {expected} of {origin}"
                raise ValueError(
                    f"{op}: {name} must have the shape {written(spec)}{source}, got {list(shape)}"
                )
    return {letter: size for letter, (size, _) in sizes.items()}


def written(*specs: str) -> str:
    """Shapes as messages show them."""
    return "; ".join(f"[{', '.join(spec.replace('*', '…'))}]" for spec in specs)
