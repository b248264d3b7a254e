"""mLSTM: a matrix memory with exponential gates, normalised (Beck et al., 2024, xLSTM)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op
from fwp.ops.generalised_delta_rule import generalised_delta_rule

State = tuple[Float[Tensor, "B H K V"], Float[Tensor, "B H K"], Float[Tensor, "B H"]]


def _typical(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> tuple[Tensor, ...]:
    return q, k * k.shape[-1] ** -0.5, v, i, f + 3


@op(cost=lambda n: 2 * n["K"] * n["V"] + 3 * n["K"], typical=_typical)
def mlstm(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    i: Float[Tensor, "B T H"],
    f: Float[Tensor, "B T H"],
    state: State,
) -> tuple[Float[Tensor, "B T H V"], State]:
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

    Returns:
        y [B, T, H, V] and (C_T, n_T, m_T).
    """
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


@mlstm.backend()
def generalised(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: State
) -> tuple[Tensor, State]:
    """The kernels of the generalised delta rule, for a state that only decays and is written to.

    With F_t the sum of log σ(f) up to step t, m_t − F_t is the largest of m_0 and max(i_s, 0) − F_s
    for s ≤ t: so all m are known beforehand. n is a further column of C.
    """
    C, n, m_0 = state
    kept = F.logsigmoid(f)
    total = kept.cumsum(1)
    highest = torch.maximum((i.relu() - total).cummax(1).values, m_0.unsqueeze(1))
    m = total + highest
    before = torch.cat([m_0.unsqueeze(1), m[:, :-1]], dim=1)
    decay, write = (torch.exp(x - m).unsqueeze(-1) for x in (kept + before, i))
    v = torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)
    S, nothing = torch.cat([C, n.unsqueeze(-1)], dim=-1), torch.zeros_like(k)
    y, S = generalised_delta_rule(q, write * k, v, decay.expand_as(k), nothing, nothing, S)
    floor = torch.exp(-m).unsqueeze(-1)
    return y[..., :-1] / torch.maximum(y[..., -1:].abs(), floor), (
        S[..., :-1],
        S[..., -1],
        m[:, -1],
    )
