"""One fast weight memory that is written pair by pair and then asked."""

import math

import torch
from torch import Tensor, nn

from fwp.nn.feature_maps import EPS, FeatureMap
from fwp.nn.sum_normalise import sum_normalise

MAPS = ("softmax", "elu", "dpfp", "favor")
RULES = ("sum", "delta")


class Memory(nn.Module):
    """Keys are embedded, mapped by φ and written with their values, which are one-hot vectors.

    Schlag et al. 2021, section 6.1. k = φ(W_k [v; e(key)]), q = φ(W_q e(key)), β = σ(w_β [v; e]).
    The sum rule reads q Σ k⊗v / Σ q·k. The delta rule divides keys and queries by the sum of their
    components. Softmax attention, for comparison, is no fast weight memory: it keeps all pairs.

    Args:
        count: how many keys there are, and how many values.
        feature_map: softmax, elu (elu + 1), dpfp or favor.
        nu: ν of dpfp; of favor, the number of random directions.
        rule: sum or delta.
        width: of keys before φ.
    """

    def __init__(
        self, count: int, *, feature_map: str, nu: int = 1, rule: str = "sum", width: int = 64
    ):
        super().__init__()
        impossible = (feature_map, rule) == ("softmax", "delta")
        if feature_map not in MAPS or rule not in RULES or impossible:
            raise ValueError(
                f"feature_map must be one of {', '.join(MAPS)} and rule one of {', '.join(RULES)} "
                f"(softmax: sum), got {feature_map!r} and {rule!r}"
            )
        self.count, self.rule = count, rule
        self.feature_map = None if feature_map == "softmax" else FeatureMap(feature_map, width, nu)
        size = int(2.2 * count)
        self.embedding = nn.Embedding(count, size)
        self.key = nn.Linear(count + size, width)
        self.query = nn.Linear(size, width)
        self.rate = nn.Linear(count + size, 1)
        bound = 1 / math.sqrt(width)
        for layer in (self.key, self.query):
            if feature_map == "softmax":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, keys: Tensor, values: Tensor, queries: Tensor) -> Tensor:
        """Keys and values int64 [B, L] and queries [B, N] to what is retrieved [B, N, count]."""
        weights = self.weights(*self.vectors(keys, values, queries))
        # The product with one-hot values, without these: [B, L, count] would be most of the work.
        retrieved = weights.new_zeros(*weights.shape[:2], self.count)
        return retrieved.scatter_add(-1, values.unsqueeze(1).expand_as(weights), weights)

    def vectors(
        self, keys: Tensor, values: Tensor, queries: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """q [B, N, P], k [B, L, P], φ applied, and β [B, L]."""
        table = self.embedding.weight
        k = self._written(self.key, table)(keys, values)
        q = (table @ self.query.weight.T + self.query.bias)[queries]
        beta = self._written(self.rate, table)(keys, values).squeeze(-1).sigmoid()
        if self.feature_map is not None:
            if self.feature_map.name == "favor":
                self.feature_map.redraw()
            q, k = self.feature_map(q), self.feature_map(k)
        if self.rule == "delta":
            q, k = sum_normalise(q, EPS), sum_normalise(k, EPS)
        return q, k, beta

    def _written(self, layer: nn.Linear, table: Tensor):
        """`layer` of [one-hot value; embedded key]: a row for the value plus one for the key."""
        by_value, by_key = layer.weight.T.split([self.count, table.shape[1]])
        by_key = table @ by_key + layer.bias
        return lambda keys, values: by_value[values] + by_key[keys]

    def weights(self, q: Tensor, k: Tensor, beta: Tensor) -> Tensor:
        """With which weight each pair's value is part of what is read, [B, N, L].

        A read after all writes is linear in the values. For the delta rule, whose writes are
        k_t ⊗ u_t with u = (I + tril(diag(β) k kᵀ, −1))⁻¹ diag(β) v, it takes a triangular system.
        """
        scores = q @ k.transpose(-1, -2)
        if self.feature_map is None:
            return (scores / math.sqrt(k.shape[-1])).softmax(-1)
        if self.rule == "sum":
            return scores / (scores.sum(-1, keepdim=True) + EPS)
        system = (beta.unsqueeze(-1) * (k @ k.transpose(-1, -2))).tril(-1)
        system = system + torch.eye(k.shape[1], dtype=k.dtype, device=k.device)
        solved = torch.linalg.solve_triangular(
            system, scores, upper=False, left=False, unitriangular=True
        )
        return solved * beta.unsqueeze(-2)
