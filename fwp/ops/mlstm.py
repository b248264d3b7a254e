"""mLSTM: a matrix memory with exponential gates, normalised (Beck et al., 2024, xLSTM)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.ops._chunks import join_chunks, split_chunks
from fwp.ops._op import Backend, Op

CHUNK = 16


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

    With F_t the sum of log σ(f) up to step t, m_t − F_t is the largest of m_0 and max(i_s, 0) − F_s
    for s ≤ t. Step s of a chunk weighs e^{F_t − F_s + i_s − m_t} at t, and the state before the
    chunk e^{F_t − F_b + m_b − m_t}. n is a further column of C. Steps that fill the last chunk
    write and forget nothing.
    """
    T = q.shape[1]
    C, n, m = state
    kept = F.logsigmoid(f)
    total = kept.cumsum(1)
    highest = torch.maximum((i.relu() - total).cummax(1).values, m.unsqueeze(1))
    m_T = total[:, -1] + highest[:, -1]
    before = torch.cat([m.unsqueeze(1), (total + highest)[:, :-1]], dim=1)
    C = torch.cat([C, n.unsqueeze(-1)], dim=-1)
    v = torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)
    gates = torch.stack([kept, i, total + highest, before], dim=-1)
    q, k, v, gates = (split_chunks(x, CHUNK) for x in (q, k, v, gates))
    kept, i, m, before = gates.unbind(-1)
    size, own = q.shape[-2], kept.cumsum(-1)
    future = torch.ones(size, size, dtype=torch.bool, device=q.device).triu(1)
    exponents = (own - m).unsqueeze(-1) + (i - own).unsqueeze(-2)
    weights = exponents.masked_fill(future, -torch.inf).exp()
    faded = (own - m + before[..., :1]).exp().unsqueeze(-1)
    last = [(size if c + 1 < q.shape[2] else T - c * size) - 1 for c in range(q.shape[2])]
    within = (weights * (q @ k.transpose(-1, -2))) @ v
    reads = []
    for c, end in enumerate(last):
        reads.append(q[:, :, c] @ C)
        write = weights[:, :, c, end].unsqueeze(-1) * k[:, :, c]
        C = faded[:, :, c, end].unsqueeze(-1) * C + write.transpose(-1, -2) @ v[:, :, c]
    read = within + faded * torch.stack(reads, dim=2)
    y = read[..., :-1] / torch.maximum(read[..., -1:].abs(), torch.exp(-m).unsqueeze(-1))
    return join_chunks(y, T), (C[..., :-1], C[..., -1], m_T)


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
