"""The self-referential weight matrix (Irie et al., 2022)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import Op, op

PARTS = "yqkb"
Matrices = tuple[
    Float[Tensor, "B H D D"],
    Float[Tensor, "B H D D"],
    Float[Tensor, "B H D D"],
    Float[Tensor, "B H D 4"],
]


def _initial(_: Op, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
    B = inputs["x"].shape[0]
    return tuple(inputs[name].expand(B, -1, -1, -1) for name in ("w_y", "w_q", "w_k", "w_beta"))


def _typical(x, w_y, w_q, w_k, w_beta) -> tuple[Tensor, ...]:
    scale = x.shape[-1] ** -0.5
    return x, scale * w_y, scale * w_q, scale * w_k, scale * w_beta - 1


def _check(updated: str) -> None:
    if set(updated) - set(PARTS) or len(set(updated)) < len(updated):
        rule = f"must be letters of {PARTS}, each at most once"
        raise ValueError(f"self_reference: updated {rule}, got {updated!r}")


@op(
    cost=lambda n: 3 * n["D"] * (3 * n["D"] + 4),
    initial=_initial,
    typical=_typical,
    check_options=_check,
)
def self_reference(
    x: Float[Tensor, "B T H D"],
    w_y: Float[Tensor, "H D D"],
    w_q: Float[Tensor, "H D D"],
    w_k: Float[Tensor, "H D D"],
    w_beta: Float[Tensor, "H D 4"],
    state: Matrices,
    *,
    updated: str = PARTS,
) -> tuple[Float[Tensor, "B T H D"], Matrices]:
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

    Returns:
        y [B, T, H, D] and the four matrices after the last step, shaped like `initial_state`.
    """
    del w_y, w_q, w_k, w_beta  # in the state already
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
