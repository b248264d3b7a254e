"""What the transitions of Kimi Delta Attention's descendants can do: eigenvalues and groups."""

import math

import pytest
import torch
import torch.nn.functional as F

from fwp.ops.generalised_delta_rule import gated_delta_rule, generalised_delta_rule
from fwp.ops.momentum_delta_rule import momentum_delta_rule


class TestTransitions:
    """Eigenvalues and norms of random ones, as docs/models.md states them."""

    COUNT, SIZE = 300, 5

    def transitions(self, largest, lowest):
        """(I - β k⊗k) diag(w) for many random inputs, w from `lowest` to 1."""
        generator = torch.Generator().manual_seed(4)
        draw = {"dtype": torch.float64, "generator": generator}
        k = F.normalize(torch.randn(self.COUNT, 1, 1, self.SIZE, **draw), dim=-1)
        beta = largest * torch.rand(self.COUNT, 1, 1, **draw)
        w = lowest + (1 - lowest) * torch.rand(self.COUNT, 1, 1, self.SIZE, **draw)
        identity = torch.eye(self.SIZE, dtype=torch.float64).expand(self.COUNT, 1, -1, -1)
        return gated_delta_rule(k, k, 0 * k, beta, w, initial_state=identity)[1][:, 0]

    @pytest.mark.parametrize(
        ("largest", "lowest", "pairs"), [(2, -1, 1), (1, -1, 0), (2, 0, 0), (1, 0, 0)]
    )
    def test_complex_pairs_take_both_signed_gates_and_rates_to_two(self, largest, lowest, pairs):
        transitions = self.transitions(largest, lowest)
        found = torch.linalg.eigvals(transitions)
        assert (found.imag > 1e-6).sum(-1).max() == pairs
        assert torch.linalg.matrix_norm(transitions, 2).max() <= 1 + 1e-9

    def test_a_negative_gate_and_a_reflection_are_a_rotation_by_twice_their_angle(self):
        angle = math.pi / 5
        k = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)[None, None, None]
        w = torch.tensor([-1.0, 1.0], dtype=torch.float64)[None, None, None]
        two, identity = torch.full((1, 1, 1), 2.0, dtype=torch.float64), torch.eye(2).double()
        _, transition = gated_delta_rule(k, k, 0 * k, two, w, identity[None, None])
        turned = torch.linalg.eigvals(transition[0, 0]).angle().abs()
        torch.testing.assert_close(turned, torch.full_like(turned, 2 * angle))

    @pytest.mark.parametrize("negative", [False, True])
    def test_gated_deltanet2_has_real_eigenvalues(self, negative):
        generator = torch.Generator().manual_seed(5)
        draw = {"dtype": torch.float64, "generator": generator}
        k = F.normalize(torch.randn(self.COUNT, 1, 1, self.SIZE, **draw), dim=-1)
        erase = (1 + negative) * torch.rand(k.shape, **draw)
        w = torch.rand(k.shape, **draw)
        identity = torch.eye(self.SIZE, dtype=torch.float64).expand(self.COUNT, 1, -1, -1)
        _, state = generalised_delta_rule(k, k, 0 * k, w, -w * erase * k, k, identity)
        found = torch.linalg.eigvals(state)
        assert found.imag.abs().max() < 1e-6 and found.real.max() < 1
        assert (found.real < -1e-9).sum(-1).max() == int(negative) and found.real.min() > -1

    def matrices(self, *shape):
        generator = torch.Generator().manual_seed(7)
        return torch.rand(self.COUNT, *shape, dtype=torch.float64, generator=generator)

    def test_q_delta_has_a_negative_eigenvalue_if_query_and_key_agree(self):
        k, q = (F.normalize(part, dim=-1) for part in (self.matrices(2, 5) - 0.5).unbind(1))
        q = torch.cat((q[::2], k[1::2]))
        k = torch.cat((k[::2], k[1::2]))
        beta, feedback, w = self.matrices(3, 1).unbind(1)
        mixed = torch.einsum("bi,bj->bij", beta * k, k + feedback * q)
        transitions = w[..., None] * (torch.eye(5, dtype=torch.float64) - mixed)
        found = torch.linalg.eigvals(transitions)
        assert found.imag.abs().max() < 1e-6 and found.abs().max() <= 1
        assert found.real.min() < -0.5
        assert torch.linalg.matrix_norm(transitions, 2).max() > 1.1

    def test_q_delta_with_a_vector_of_decays_may_leave_the_unit_disc(self):
        k = torch.tensor([0.5, math.sqrt(0.75)], dtype=torch.float64)[None, None, None]
        q = torch.tensor([-1.0, 0.0], dtype=torch.float64)[None, None, None]
        w = torch.tensor([1.0, 0.0], dtype=torch.float64)[None, None, None]
        identity = torch.eye(2, dtype=torch.float64)[None, None]
        _, state = generalised_delta_rule(q, k, 0 * k, w, w * (k + q), -k, identity)  # β = λ = 1
        found = torch.linalg.eigvals(state[0, 0]).real
        torch.testing.assert_close(found.max(), found.new_tensor(1.25))

    @pytest.mark.parametrize(("squash", "lowest"), [(1.0, 0), (1.5, -0.5), (2.0, -1)])
    def test_preconditioned_transitions_are_real_and_bounded(self, squash, lowest):
        k = F.normalize(self.matrices(5) - 0.5, dim=-1)
        w, beta = self.matrices(5), self.matrices(1)
        p = k * squash ** (2 * self.matrices(5) - 1)
        eye = torch.eye(5, dtype=torch.float64)
        found = torch.linalg.eigvals((eye - torch.einsum("bi,bj->bij", beta * p, k)) * w[:, None])
        assert found.imag.abs().max() < 1e-6 and found.real.max() <= 1
        assert found.real.min() >= lowest - 1e-9

    @pytest.mark.parametrize("largest", [1, 2])
    def test_erase_then_delta_may_have_complex_eigenvalues_in_the_unit_disc(self, largest):
        k, e = (F.normalize(part, dim=-1) for part in (self.matrices(2, 5) - 0.5).unbind(1))
        eye = torch.eye(5, dtype=torch.float64)
        write, erase = (
            eye - largest * rate[..., None] * torch.einsum("bi,bj->bij", u, u)
            for rate, u in zip(self.matrices(2, 1).unbind(1), (k, e), strict=True)
        )
        transitions = write @ erase * self.matrices(5)[:, None]
        assert torch.linalg.matrix_norm(transitions, 2).max() <= 1 + 1e-9
        assert torch.linalg.eigvals(transitions).imag.abs().max() > 1e-3

    def test_momentum_oscillates_within_the_unit_disc(self):
        w, mu, rate, eta, factor = self.matrices(5).unbind(1)
        eta = 2 * eta
        angle = torch.atan(4 * factor * eta)
        alpha, beta = angle.cos() ** 2 * w, angle.sin() ** 2 * rate
        k = torch.ones(self.COUNT, 1, 1, 1, dtype=torch.float64)
        numbers = [part[:, None, None] for part in (alpha, mu, beta, eta)]
        columns = []
        for S, M in ((1.0, 0.0), (0.0, 1.0)):
            start = (k * S, k * M)
            _, (S, M) = momentum_delta_rule(k, k, 0 * k, *numbers, initial_state=start)
            columns.append(torch.cat((S, M), -1)[:, 0, 0])
        transitions = torch.stack(columns, -1)
        torch.testing.assert_close(torch.linalg.det(transitions), alpha * mu)
        found = torch.linalg.eigvals(transitions)
        assert found.abs().max() <= 1 and found.imag.abs().max() > 0.1
        assert torch.linalg.matrix_norm(transitions, 2).max() > 1.1


def times(p, q):
    """The product of quaternions (a, b, c, d) = a + bi + cj + dk."""
    a, u, b, v = p[..., :1], p[..., 1:], q[..., :1], q[..., 1:]
    real = a * b - (u * v).sum(-1, keepdim=True)
    return torch.cat((real, a * v + b * u + torch.linalg.cross(u, v)), -1)


def closure(*generators):
    """All products of quaternions: a finite group."""
    found = torch.stack(generators)
    for _ in range(12):  # words of up to twelve generators are enough for the groups below
        products = times(found[:, None], torch.stack(generators)[None]).flatten(0, 1)
        found = torch.unique(torch.cat((found, products)).round(decimals=9) + 0.0, dim=0)
    return found


GOLDEN = (1 + math.sqrt(5)) / 2
BINARY = {  # generators of the binary octahedral and icosahedral groups: twice S4, twice A5
    48: ((math.sqrt(0.5), math.sqrt(0.5), 0, 0), (0.5, 0.5, 0.5, 0.5)),
    120: ((0.5, 0.5, 0.5, 0.5), (GOLDEN / 2, 0.5, 1 / (2 * GOLDEN), 0)),
}


@pytest.mark.parametrize("order", BINARY)
def test_one_step_with_signed_gates_tracks_rotations_of_a_cube_and_an_icosahedron(order):
    """With w = (-1, 1, 1, 1), β = 2 and a quaternion as key, x becomes k x k.

    So one column of the state is l c r, where l is the product of the elements so far and r that
    in the opposite order. l is known up to its sign, which is what S4 and A5 leave out.
    """
    group = closure(*(torch.tensor(q, dtype=torch.float64) for q in BINARY[order]))
    assert len(group) == order
    drawn = torch.randint(order, (300,), generator=torch.Generator().manual_seed(0))
    k = group[drawn][None, :, None]
    w = torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64).expand_as(k)
    start = torch.eye(4, dtype=torch.float64)
    _, state = gated_delta_rule(k, k, 0 * k, torch.full_like(k[..., 0], 2), w, start[None, None])
    left = right = start[0]
    for element in group[drawn]:
        left, right = times(element, left), times(right, element)
    expected = torch.stack([times(times(left, c), right) for c in start], -1)
    torch.testing.assert_close(state[0, 0], expected)
