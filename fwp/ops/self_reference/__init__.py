"""The self-referential weight matrix (Irie et al., 2022)."""

from functools import cache

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)

Matrices = tuple[Tensor, Tensor, Tensor, Tensor]
PARTS = "yqkb"


def self_reference(
    x: Tensor,
    w_y: Tensor,
    w_q: Tensor,
    w_k: Tensor,
    w_beta: Tensor,
    initial_state: Matrices | None = None,
    *,
    updated: str = PARTS,
    backend: str = "auto",
) -> tuple[Tensor, Matrices]:
    """Four matrices that produce the output and their own update by the delta rule.

        y_t, q_t, k_t, b_t = x_t W^y_{t-1}, x_t W^q_{t-1}, x_t W^k_{t-1}, x_t W^β_{t-1}
        q = softmax(q_t),  k = softmax(k_t),  β = σ(b_t)
        W^i_t = W^i_{t-1} + k ⊗ β_i (q W^i_{t-1} − k W^i_{t-1}),  i ∈ {y, q, k, β}

    Args:
        x: inputs [B, T, H, D].
        w_y, w_q, w_k: the matrices at time 0 [H, D, D].
        w_beta: the matrix of the four rates at time 0 [H, D, 4], in the order y, q, k, β.
        initial_state: matrices to go on from, (W_y, W_q, W_k [B, H, D, D], W_β [B, H, D, 4]); the
            w_* are then not used. None means the w_* for every sequence.
        updated: which of the matrices change over time: letters of y, q, k and b (for W_β).
            Fewer than all serve to show what each is good for.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, D] and the four matrices after the last step, shaped like `initial_state`.

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    op = OP if updated == PARTS else _ablated(updated)
    return op(backend, initial_state, x=x, w_y=w_y, w_q=w_q, w_k=w_k, w_beta=w_beta)


def reference(
    x: Tensor,
    _w_y: Tensor,
    _w_q: Tensor,
    _w_k: Tensor,
    _w_beta: Tensor,
    state: Matrices,
    updated: str = PARTS,
) -> tuple[Tensor, Matrices]:
    """The equation, one step after the other."""
    outputs = []
    for t in range(x.shape[1]):
        y, q, k, b = (torch.einsum("bhi,bhij->bhj", x[:, t], W) for W in state)
        q, k, rates = torch.softmax(q, dim=-1), torch.softmax(k, dim=-1), torch.sigmoid(b)
        new = []
        for i, W in enumerate(state):
            if PARTS[i] not in updated:
                new.append(W)
                continue
            target = torch.einsum("bhi,bhij->bhj", q, W)
            retrieved = torch.einsum("bhi,bhij->bhj", k, W)
            change = rates[:, :, i, None] * (target - retrieved)
            new.append(W + torch.einsum("bhi,bhj->bhij", k, change))
        state = tuple(new)
        outputs.append(y)
    return torch.stack(outputs, dim=1), state


def native(
    x: Tensor,
    _w_y: Tensor,
    _w_q: Tensor,
    _w_k: Tensor,
    _w_beta: Tensor,
    state: Matrices,
    updated: str = PARTS,
) -> tuple[Tensor, Matrices]:
    """The compiled kernel, see self_reference.c."""
    (B, T, H, D), columns = x.shape, c_kernel.padded(3 * x.shape[-1] + 4)
    every = max(32, columns)
    y, *state = recurrence(
        KERNEL,
        (x,),
        state,
        sizes=(B, H, T, D, every, _bits(updated)),
        size=D,
        output=x.shape,
        kept=[(T, 3 * D + 4 + columns), (-(-T // every), D * columns)],
    )
    return y, tuple(state)


def triton(
    x: Tensor,
    _w_y: Tensor,
    _w_q: Tensor,
    _w_k: Tensor,
    _w_beta: Tensor,
    state: Matrices,
    updated: str = PARTS,
) -> tuple[Tensor, Matrices]:
    """The kernel for GPUs, see triton/self_reference.py."""
    from fwp.ops.self_reference.triton import self_reference as kernel

    return kernel(x, state, _bits(updated))


def _bits(updated: str) -> int:
    return sum(1 << i for i, part in enumerate(PARTS) if part in updated)


def _initial(_: Op, inputs: dict[str, Tensor]) -> Matrices:
    B = inputs["x"].shape[0]
    return tuple(inputs[name].expand(B, -1, -1, -1) for name in ("w_y", "w_q", "w_k", "w_beta"))


def _typical(x, w_y, w_q, w_k, w_beta) -> tuple[Tensor, ...]:
    scale = x.shape[-1] ** -0.5
    return x, scale * w_y, scale * w_q, scale * w_k, scale * w_beta - 1


OP = Op(
    name="self_reference",
    inputs={"x": "BTHD", "w_y": "HDD", "w_q": "HDD", "w_k": "HDD", "w_beta": "HD4"},
    state=("BHDD", "BHDD", "BHDD", "BHD4"),
    cost=lambda n: 3 * n["D"] * (3 * n["D"] + 4),
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "reference": Backend(reference),
    },
    initial=_initial,
    typical=_typical,
)


@cache
def _ablated(updated: str) -> Op:
    """The op with matrices that stay as they are."""
    if set(updated) - set(PARTS) or len(set(updated)) < len(updated):
        rule = f"must be letters of {PARTS}, each at most once"
        raise ValueError(f"{OP.name}: updated {rule}, got {updated!r}")
    return OP.variant(updated=updated)
