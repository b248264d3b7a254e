"""sLSTM: an LSTM with exponential gates, normalised (Beck et al., 2024, xLSTM)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op, zero_state
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)
NOTHING = -1e30  # the logarithm of no weight at all, and finite


def slstm(
    gates: Tensor,
    r: Tensor,
    initial_state: tuple[Tensor, Tensor, Tensor] | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """A running mean of inputs whose weights are e^i, and lose a factor σ(f) at every step.

        a_t = gates_t + h_{t-1} R,   z_t = tanh(a^z_t),   o_t = σ(a^o_t)
        C_t = σ(a^f_t) C_{t-1} + exp(a^i_t) z_t,   N_t = σ(a^f_t) N_{t-1} + exp(a^i_t)
        h_t = o_t ∘ C_t / N_t

    The paper keeps C and N divided by e^m, whose m it adapts so that no exponential overflows. Here
    the state is c = C / N and l = log N instead, which are bounded and need no m:

        α_t = σ(a^i_t − log σ(a^f_t) − l_{t-1}),   c_t = (1 − α_t) c_{t-1} + α_t z_t
        l_t = log(e^{a^i_t} + σ(a^f_t) e^{l_{t-1}}),   h_t = o_t ∘ c_t

    Args:
        gates: pre-activations [B, T, H, 4, D] in the order i, f, z, o, biases added.
        r: recurrent weights R [H, 4, D, D]: a head's units see that head alone.
        initial_state: (h_0, c_0, l_0), each [B, H, D]; None means zeros, and N_0 = 0 for l_0.
        backend: "auto", or one of `OP.backends`.

    Returns:
        h [B, T, H, D] and (h_T, c_T, l_T).

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, gates=gates, r=r)


State = tuple[Tensor, Tensor, Tensor]


def reference(gates: Tensor, r: Tensor, state: State) -> tuple[Tensor, State]:
    """The equation, one step after the other."""
    h, c, l = state  # noqa: E741
    outputs = []
    for t in range(gates.shape[1]):
        a = gates[:, t] + torch.einsum("bhi,hgij->bhgj", h, r)
        i, f, z, o = a.unbind(2)
        kept = F.logsigmoid(f) + l
        c = torch.lerp(c, torch.tanh(z), torch.sigmoid(i - kept))
        l = torch.logaddexp(i, kept)  # noqa: E741
        h = torch.sigmoid(o) * c
        outputs.append(h)
    return torch.stack(outputs, dim=1), (h, c, l)


def native(gates: Tensor, r: Tensor, state: State) -> tuple[Tensor, State]:
    """The compiled kernel, see slstm.c."""
    B, T, H, _, D = gates.shape
    h, *last = recurrence(
        KERNEL,
        (gates,),
        state,
        weights=(r,),
        sizes=(B, T, D),
        size=D,
        output=(B, T, H, D),
        final=slice(1, None),
        kept=[(T, 6 * c_kernel.padded(D))],
    )
    return h, (h[:, -1], *last)


def triton(gates: Tensor, r: Tensor, state: State) -> tuple[Tensor, State]:
    """The kernel for GPUs, see triton/slstm.py."""
    from fwp.ops.slstm.triton import slstm as kernel

    return kernel(gates, r, state)


def _initial(op: Op, inputs: dict[str, Tensor]) -> State:
    h, c, l = zero_state(op, inputs)  # noqa: E741
    return h, c, l + NOTHING


def _typical(gates: Tensor, r: Tensor) -> tuple[Tensor, ...]:
    return gates, r * r.shape[-1] ** -0.5


OP = Op(
    name="slstm",
    inputs={"gates": "BTH4D", "r": "H4DD"},
    state=("BHD", "BHD", "BHD"),
    cost=lambda n: 4 * n["D"] ** 2 + 3 * n["D"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "reference": Backend(reference),
    },
    initial=_initial,
    typical=_typical,
)
