"""The element-wise LSTM: gates see the previous cell through one weight per unit."""

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op
from fwp.kernels.tensors import records

KERNEL = c_kernel.Kernel(__file__, fixed_sizes=())
CHAINS = 4  # runs of neighbouring units in a block, as in elementwise_lstm.c


def elementwise_lstm(
    z: Tensor,
    f: Tensor,
    w_z: Tensor,
    w_f: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """A leaky cell whose candidate and forget gate depend on the cell itself, unit by unit.

        z'_t = tanh(z_t + w_z ∘ c_{t-1}),  f'_t = σ(f_t + w_f ∘ c_{t-1})
        c_t = f'_t ∘ c_{t-1} + (1 − f'_t) ∘ z'_t

    The output gate of the model (Irie et al., 2023) sees c_t only and is applied outside.

    Args:
        z, f: pre-activations [B, T, D], biases added.
        w_z, w_f: recurrent weights [D].
        initial_state: c_0 [B, D]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        c [B, T, D] and c_T [B, D].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, z=z, f=f, w_z=w_z, w_f=w_f)


def reference(z: Tensor, f: Tensor, w_z: Tensor, w_f: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The equation, one step after the other."""
    cells = []
    for t in range(z.shape[1]):
        candidate = torch.tanh(z[:, t] + w_z * c)
        forget = torch.sigmoid(f[:, t] + w_f * c)
        c = forget * c + (1 - forget) * candidate
        cells.append(c)
    return torch.stack(cells, dim=1), c


def native(z: Tensor, f: Tensor, w_z: Tensor, w_f: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The compiled kernel, see elementwise_lstm.c."""
    inputs = (z, f, w_z, w_f, c)
    cells = _Native.apply(records(inputs), *inputs)
    return cells, cells[:, -1]


def triton(z: Tensor, f: Tensor, w_z: Tensor, w_f: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel for GPUs, see triton/elementwise_lstm.py."""
    from fwp.ops.elementwise_lstm.triton import elementwise_lstm as kernel

    return kernel(z, f, w_z, w_f, c)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, z, f, w_z, w_f, c_0):
        B, T, D = z.shape
        runs = -(-D // KERNEL.lanes(z.dtype, D))
        ctx.blocks = -(-B * runs // CHAINS)
        w_z, w_f, cells = w_z.contiguous(), w_f.contiguous(), z.new_empty(B, T, D)
        kept = [z.new_empty(B, T, D) if record else None for _ in range(2)]
        KERNEL.run(
            "forward",
            ctx.blocks,
            z,
            D,
            *(B, T, D),
            *map(c_kernel.plain_sequence, (z, f)),
            *(w_z, w_f),
            *map(c_kernel.plain_sequence, (c_0, cells, *kept)),
        )
        ctx.save_for_backward(w_z, w_f, c_0, cells, *kept)
        return cells

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_cells):
        w_z, w_f, c_0, cells, gate_z, gate_f = ctx.saved_tensors
        B, T, D = cells.shape
        dz, df = (cells.new_empty(B, T, D) for _ in range(2))
        dw_z, dw_f, dc_0 = (cells.new_empty(B, D) for _ in range(3))
        tensors = (c_0, cells, gate_z, gate_f, d_cells, dz, df, dw_z, dw_f, dc_0)
        KERNEL.run(
            "backward",
            ctx.blocks,
            cells,
            D,
            *(B, T, D),
            *(w_z, w_f),
            *map(c_kernel.plain_sequence, tensors),
        )
        return None, dz, df, dw_z.sum(0), dw_f.sum(0), dc_0


OP = Op(
    name="elementwise_lstm",
    inputs={"z": "BTD", "f": "BTD", "w_z": "D", "w_f": "D"},
    state="BD",
    cost=lambda n: 4 * n["D"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "reference": Backend(reference),
    },
)
