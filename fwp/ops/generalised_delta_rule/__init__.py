"""The generalised delta rule: decay, erase by one key, write by another (Peng et al., 2025)."""

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)


def generalised_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    w: Tensor,
    a: Tensor,
    b: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """A transition that is a diagonal matrix plus one of rank one, then a write and a read.

        S_t = diag(w_t) S_{t-1} + b_t ⊗ (a_t S_{t-1}) + k_t ⊗ v_t,    y_t = q_t S_t

    With a = w ∘ k and b = −β k it is the delta rule with decay (`gated_delta_rule` below); RWKV-7
    has a = −κ and b = κ ∘ its rates.

    Args:
        q: queries [B, T, H, K].
        k, v: what is written, keys [B, T, H, K] and values [B, T, H, V].
        w: decay [B, T, H, K], usually in (0, 1); any number will do, 0 too.
        a, b: what is read of the old state, and under which key it is added, [B, T, H, K].
        initial_state: S_0 [B, H, K, V]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, q=q, k=k, v=v, w=w, a=a, b=b)


def gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    w: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """The delta rule on a state that decays first, by `generalised_delta_rule`.

        S' = diag(w_t) S_{t-1},    S_t = S' + k_t ⊗ β_t (v_t − k_t S'),    y_t = q_t S_t

    Args:
        q, k, v, initial_state, backend: as there; keys are normalised.
        beta: write strengths [B, T, H].
        w: decay [B, T, H, K], or [B, T, H, 1] for one number per head.
    """
    beta = beta.unsqueeze(-1)
    write, w = beta * k, w.expand_as(k)
    return generalised_delta_rule(q, write, v, w, w * k, -write, initial_state, backend=backend)


def reference(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, a: Tensor, b: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """The equation, one step after the other."""
    outputs = []
    for t in range(q.shape[1]):
        read = torch.einsum("bhk,bhkv->bhv", a[:, t], S)
        S = w[:, t].unsqueeze(-1) * S
        S = S + torch.einsum("bhk,bhv->bhkv", b[:, t], read)
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


def native(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, a: Tensor, b: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """The compiled kernel, see generalised_delta_rule.c."""
    (B, T, H, K), V = q.shape, v.shape[-1]
    every = max(8, K // 2)
    return recurrence(
        KERNEL,
        (q, k, v, w, a, b),
        (S,),
        sizes=(B, H, T, K, V, every),
        size=K if K == V else None,
        output=v.shape,
        kept=[(-(-T // every), K * c_kernel.padded(V))],
        again="sequences",
    )


def triton(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, a: Tensor, b: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """The kernel for GPUs, see triton/generalised_delta_rule.py."""
    from fwp.ops.generalised_delta_rule.triton import generalised_delta_rule as kernel

    return kernel(q, k, v, w, a, b, S)


def _typical(q, k, v, w, a, b) -> tuple[Tensor, ...]:
    key = torch.nn.functional.normalize(a, dim=-1)
    return q, k, v, w.sigmoid(), -key, key * b.sigmoid()


OP = Op(
    name="generalised_delta_rule",
    inputs={"q": "BTHK", "k": "BTHK", "v": "BTHV", "w": "BTHK", "a": "BTHK", "b": "BTHK"},
    state="BHKV",
    cost=lambda n: 5 * n["K"] * n["V"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "reference": Backend(reference),
    },
    typical=_typical,
)
