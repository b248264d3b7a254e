"""mLSTM: a matrix memory with exponential gates, normalised (Beck et al., 2024, xLSTM)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.ops._chunks import join_chunks, split_chunks
from fwp.ops._op import Backend, Op

CHUNK = 64


def mlstm(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    i: Tensor,
    f: Tensor,
    initial_state: tuple[Tensor, Tensor, Tensor] | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """The sum rule with a weight per write, e^i, a decay, σ(f), and a normaliser.

        C_t = σ(f_t) C_{t-1} + e^{i_t} k_t ⊗ v_t,   n_t = σ(f_t) n_{t-1} + e^{i_t} k_t
        y_t = q_t C_t / max(|q_t · n_t|, 1)

    So that no exponential overflows, the state holds C and n divided by e^m, with

        m_t = max(log σ(f_t) + m_{t-1}, i_t, 0)

    (the paper's m may be negative, which is the same function with other rounding).

    Args:
        q, k: queries and keys [B, T, H, K].
        v: values [B, T, H, V].
        i, f: pre-activations of the input and the forget gate [B, T, H].
        initial_state: (C_0, n_0, m_0), [B, H, K, V], [B, H, K] and [B, H], C_0 and n_0 divided by
            e^{m_0}; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, V] and (C_T, n_T, m_T).

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, q=q, k=k, v=v, i=i, f=f)


State = tuple[Tensor, Tensor, Tensor]


def reference(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: State
) -> tuple[Tensor, State]:
    """The equation, one step after the other."""
    C, n, m = state
    outputs = []
    for t in range(q.shape[1]):
        kept = F.logsigmoid(f[:, t]) + m
        m = torch.maximum(kept, i[:, t].relu())
        decay, write = (torch.exp(x - m).unsqueeze(-1) for x in (kept, i[:, t]))
        n = decay * n + write * k[:, t]
        C = decay.unsqueeze(-1) * C + torch.einsum("bhk,bhv->bhkv", write * k[:, t], v[:, t])
        size = torch.einsum("bhk,bhk->bh", q[:, t], n).abs()
        read = torch.einsum("bhk,bhkv->bhv", q[:, t], C)
        outputs.append(read / torch.maximum(size, torch.exp(-m)).unsqueeze(-1))
    return torch.stack(outputs, dim=1), (C, n, m)


def chunked(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: State
) -> tuple[Tensor, State]:
    """Matrix products within chunks of time, the state from chunk to chunk: linear cost in T.

    With F_t the sum of log σ(f) up to step t of a chunk, m_t = F_t + M_t where M_t is the largest
    of m before the chunk and max(i_s, 0) − F_s for s ≤ t; step s weighs e^{i_s − F_s − M_t} at t.
    n is a further column of C. Steps that fill the last chunk write and forget nothing.
    """
    T = q.shape[1]
    C, n, m = state
    C = torch.cat([C, n.unsqueeze(-1)], dim=-1)
    v = torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)
    gates = torch.stack([F.logsigmoid(f), i], dim=-1)
    q, k, v, gates = (split_chunks(x, CHUNK) for x in (q, k, v, gates))
    forget, i = gates.unbind(-1)
    total = forget.cumsum(-1)
    size = q.shape[-2]
    future = torch.ones(size, size, dtype=torch.bool, device=q.device).triu(1)
    scores = q @ k.transpose(-1, -2)
    outputs = []
    for c in range(q.shape[2]):
        F_t, own = total[:, :, c], i[:, :, c] - total[:, :, c]
        highest = (i[:, :, c].relu() - F_t).cummax(-1).values
        highest = torch.maximum(highest, m.unsqueeze(-1))
        weights = (own.unsqueeze(-2) - highest.unsqueeze(-1)).masked_fill(future, -torch.inf).exp()
        before = torch.exp(m.unsqueeze(-1) - highest).unsqueeze(-1)
        read = before * (q[:, :, c] @ C) + (weights * scores[:, :, c]) @ v[:, :, c]
        floor = torch.exp(-F_t - highest).unsqueeze(-1)
        outputs.append(read[..., :-1] / torch.maximum(read[..., -1:].abs(), floor))
        last = min(size, T - c * size) - 1
        write = weights[..., last, :].unsqueeze(-1) * k[:, :, c]
        C = before[..., last, :, None] * C + write.transpose(-1, -2) @ v[:, :, c]
        m = F_t[..., last] + highest[..., last]
    return join_chunks(torch.stack(outputs, dim=2), T), (C[..., :-1], C[..., -1], m)


def _typical(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> tuple[Tensor, ...]:
    return q, k * k.shape[-1] ** -0.5, v, i, f + 3


OP = Op(
    name="mlstm",
    inputs={"q": "BTHK", "k": "BTHK", "v": "BTHV", "i": "BTH", "f": "BTH"},
    state=("BHKV", "BHK", "BH"),
    cost=lambda n: 2 * n["K"] * n["V"] + 3 * n["K"],
    backends={"chunked": Backend(chunked), "reference": Backend(reference)},
    typical=_typical,
)
