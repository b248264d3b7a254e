"""sLSTM: an LSTM with exponential gates, normalised (Beck et al., 2024, xLSTM)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import Op, op, zero_state

NOTHING = -1e30  # the logarithm of no weight at all, and finite
State = tuple[Float[Tensor, "B H D"], Float[Tensor, "B H D"], Float[Tensor, "B H D"]]


def _initial(op: Op, inputs: dict[str, Tensor]) -> State:
    h, c, l = zero_state(op, inputs)  # noqa: E741
    return h, c, l + NOTHING


def _typical(gates: Tensor, r: Tensor) -> tuple[Tensor, ...]:
    return gates, r * r.shape[-1] ** -0.5


@op(cost=lambda n: 4 * n["D"] ** 2 + 3 * n["D"], initial=_initial, typical=_typical)
def slstm(
    gates: Float[Tensor, "B T H 4 D"],
    r: Float[Tensor, "H 4 D D"],
    state: State,
) -> tuple[Float[Tensor, "B T H D"], State]:
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

    Returns:
        h [B, T, H, D] and (h_T, c_T, l_T).
    """
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
