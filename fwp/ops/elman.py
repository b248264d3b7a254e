"""The simple recurrent net (Elman, 1990)."""

import torch
from torch import Tensor

from fwp.kernels.op import Backend, Op, initialised, only_on_cpu


def elman(
    x: Tensor,
    w_x: Tensor,
    w_h: Tensor,
    b: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """The output is the state, and the state is fed back as it is.

        h_t = tanh(W x_t + R h_{t-1} + b)

    Args:
        x: inputs [B, T, I].
        w_x: weights of the input, W [D, I].
        w_h: recurrent weights, R [D, D].
        b: bias [D].
        initial_state: h_0 [B, D]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        h [B, T, D] and h_T [B, D].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, x=x, w_x=w_x, w_h=w_h, b=b)


def reference(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """The equation, one step after the other."""
    outputs = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w_x.T + h @ w_h.T + b)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h


def fused(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """PyTorch's own, the one in `torch.nn.RNN`; it has a second bias, here zero."""
    weights = [w_x, w_h, b, torch.zeros_like(b)]
    y, h = torch.rnn_tanh(x, h.unsqueeze(0), weights, True, 1, 0.0, True, False, True)
    return y, h.squeeze(0)


OP = Op(
    name="elman",
    inputs={"x": "BTI", "w_x": "DI", "w_h": "DD", "b": "D"},
    state="BD",
    cost=lambda n: n["D"] * (n["I"] + n["D"]),
    backends={"fused": Backend(fused, only_on_cpu), "reference": Backend(reference)},
    typical=initialised,
)
