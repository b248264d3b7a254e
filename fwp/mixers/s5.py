"""S5: a diagonal linear state space model (Smith, Warrington, Linderman 2023)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.sizes import at_least_one
from fwp.ops.complex_scan import complex_scan


class S5(nn.Module):
    """The linear recurrent unit with the initial values and step sizes of a differential equation.

        h_t = λ ∘ h_{t-1} + B' x_t        λ = exp(Δ Λ)        B' = Λ^(-1) (λ - 1) ∘ B
        y_t = 2 Re(C h_t) + D ∘ x_t        output: gelu(y_t) ∘ σ(W gelu(y_t) + b)

    The transition is diagonal with the complex eigenvalues λ, the same at every symbol. Real parts
    of Λ are at most -0.0001, so that no string is too long.

    The paper's blocks have no feed-forward part (`feed_forward: 0`).

    Initially Λ are those eigenvalues of the HiPPO-N matrix that have a positive imaginary part, as
    often as there are blocks; Δ is log-uniform over 0.001 to 0.1; B is a real and C a complex
    matrix, both of variance 1 / 2N, for a state of N numbers, in the basis of its eigenvectors.

    Args:
        hidden: width of input and output.
        expand: how many complex numbers the state has per unit of the width; their conjugates are
            implied.
        blocks: how many times Λ repeats at first; must divide `expand` · `hidden`.

    Raises:
        ValueError: the number of blocks does not divide the size of the state.
    """

    title = "S5"
    state_names = ("h",)
    wiring = "pre_norm"

    def __init__(self, hidden: int, *, expand: int = 1, blocks: int = 1):
        super().__init__()
        at_least_one(expand=expand, blocks=blocks)
        states = expand * hidden
        if states % blocks:
            raise ValueError(f"blocks must divide expand · hidden = {states}, got {blocks}")
        rates, basis = _hippo(2 * states // blocks)
        basis = torch.block_diag(*[basis] * blocks)
        real, *parts = torch.randn(3, hidden, 2 * states) * (2 * states) ** -0.5
        b, c = basis.mH @ real.mT.to(basis.dtype), torch.complex(*parts) @ basis
        self.real = nn.Parameter(rates.real.repeat(blocks))
        self.imaginary = nn.Parameter(rates.imag.repeat(blocks))
        steps = torch.empty(states).uniform_(math.log(1e-3), math.log(0.1))
        self.log_step = nn.Parameter(steps)
        self.write = Linear(hidden, 2 * states, bias=False)
        self.read = Linear(2 * states, hidden, bias=False)
        self.write.weight.data = torch.cat((b.real, b.imag))
        self.read.weight.data = torch.cat((c.real, -c.imag), dim=1)
        self.skip = nn.Parameter(torch.randn(hidden))
        self.out = Linear(hidden, hidden)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (h,), [B, 2N]: N real parts, then N imaginary parts. `read` has the real parts
        of C, then the negative imaginary ones.
        """
        step, real = self.log_step.exp(), self.real.clamp(max=-1e-4)
        fade, angle = step * real, step * self.imaginary
        # (λ - 1) / Λ, as a real and an imaginary part
        size = real.square() + self.imaginary.square()
        up, side = fade.exp() * angle.cos() - 1, fade.exp() * angle.sin()
        a = (up * real + side * self.imaginary) / size
        b = (side * real - up * self.imaginary) / size
        first, second = self.write(x).chunk(2, dim=-1)
        u = torch.cat((a * first - b * second, a * second + b * first), dim=-1)
        h, after = complex_scan(u, -fade, angle, None if state is None else state[0])
        y = F.gelu(2 * self.read(h) + self.skip * x, approximate="tanh")
        return y * torch.sigmoid(self.out(y)), (after,)


def _hippo(size: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues of HiPPO-N with a positive imaginary part [size / 2], and their eigenvectors.

    HiPPO-N is −½ I plus a skew-symmetric matrix S, so that it has the eigenvectors of the Hermitian
    matrix −i S. Each of them is turned so that its first number is positive.
    """
    root = (2 * torch.arange(size, dtype=torch.float64) + 1).sqrt()
    below = -0.5 * (root[:, None] * root).tril(-1)
    imaginary, vectors = torch.linalg.eigh(-1j * (below - below.mT))
    imaginary, vectors = imaginary[size // 2 :], vectors[:, size // 2 :]
    vectors = vectors * torch.sgn(vectors[0]).conj()
    rates = torch.complex(torch.full_like(imaginary, -0.5), imaginary)
    return rates.to(torch.cfloat), vectors.to(torch.cfloat)


MIXER = S5
