"""How well a model's states stay apart along a string, and where its first errors are.

After Chung, Choi and Kim (2026, arXiv 2605.07755). A state is without the last symbols that a
short convolution keeps (`lasting_parts`). States are grouped by the state c of the language's
minimal automaton. In a window of positions that ends at t,

    q(t) = R(t) / M(t)           R: root mean square distance of a state from the mean of its group
                                 M: least distance of the means of two groups
    drift(t) = R_0(t) / M_0      the same, with the means of the training lengths
    q_U(t), drift_U(t)           the same in U = span{m_c - m_c'} alone: the directions in which
                                 the means m_c of the training lengths differ
    decay(t) = log2(M_0 / M(t))  how often the separation has halved
    lost(t) = 1 - g(t) / G_0     share of the readout's margin that is gone
                                 g: exceeded by `RIGHT` of the margins in the window
                                 G_0: median margin of the training lengths

The margin of a symbol is the logit of its right class minus the largest other one. At 0, the
trained readout no longer tells them apart. So this measure needs no threshold of ours.

The paper's own text was not at hand: q, U and the drift are known from summaries of it. Root mean
squares, windows of positions, decay, margins, and all that `fwp.results.horizon` predicts are
choices of ours.
Positions are looked at in windows, since at a single one all strings may be in the same state.
"""

from collections.abc import Sequence

import numpy as np
import torch

from fwp.analysis.affine import lasting_parts
from fwp.analysis.reading import automaton_states, read, windows
from fwp.datasets.dataset import Split
from fwp.languages._machine import Machine
from fwp.models.sequence_model import SequenceModel
from fwp.training.batches import pad
from fwp.utils.denormals import flushing_denormals

MEASURES = ("spread", "separation", "q", "drift", "q_u", "drift_u", "decay", "own")  # of a layer
RIGHT = 0.9  # share of symbols, as of strings that must be right at a failure
MEMBERS = 4  # states that a group must have at least; smaller ones are left out
FLAT = 1e-6  # of the widest direction in which means differ: narrower ones are rounding


@flushing_denormals()
@torch.inference_mode()
def follow(
    model: SequenceModel,
    split: Split,
    machine: Machine,
    alphabet: Sequence[str],
    *,
    training: int,
    strings: int = 100,
    device: str = "cpu",
) -> tuple[list[dict], list[int]]:
    """Read the longest strings of `split` and measure how far their states are apart.

    Args:
        machine: the minimal automaton of the language.
        alphabet: of the dataset.
        training: longest training length.
        strings: how many to read.

    Returns:
        Rows, one per layer × window of positions: layer, position (the window's last), groups,
        spread (R), separation (M), q, drift, q_u, drift_u, decay, own (share of states that are
        nearer to the mean of their own group within the training lengths than to any other), and
        lost. NaN where fewer than two groups have `MEMBERS` states, except for lost, which is of
        the whole model and the same in all layers. And the position of the first error of
        each string, 0 if it has none. No rows if strings are shorter than a window.
    """
    model.eval().to(device)
    chosen = np.argsort(-split.lengths, kind="stable")[:strings]
    lengths = split.lengths[chosen]
    tokens, targets = pad(split, chosen)
    states = automaton_states(machine, tokens, lengths, alphabet)
    looked = windows(int(lengths.max()))
    stops = sorted({position for window in looked for position in window})
    last = {window[-1]: window for window in looked}
    seen: dict[int, tuple[list[torch.Tensor], np.ndarray]] = {}
    said, rows, layers, parts = [], [], None, lasting_parts(model)
    whole = torch.from_numpy(tokens).to(device).long()
    for position, state, logits in read(model, whole, stops or [tokens.shape[1]]):
        said.append(logits)
        alive = np.flatnonzero(lengths >= position)
        if parts:  # without layers, or where they grow, whole states
            state = [[layer[i] for i in own] for layer, own in zip(state, parts, strict=True)]
        seen[position] = _vectors(state, alive), states[alive, position - 1]
        if position not in last:
            continue
        if position > training or position == stops[-1]:
            if layers is None:  # the training lengths are read
                within = [p for p in seen if p <= training]
                layers = [_Layer(*_joined(seen, within, i)) for i in range(len(state))]
                for window in (w for w in looked if w[-1] <= training):
                    rows += _measured(layers, seen, window)
            if position > training:
                rows += _measured(layers, seen, last[position])
            seen = {p: v for p, v in seen.items() if p > position - len(last[position])}
    every = np.concatenate(said, 1)
    wrong = (every.argmax(-1) != targets) & (targets >= 0)
    first = np.where(wrong.any(1), wrong.argmax(1) + 1, 0)
    margins = _margins(every, targets)
    for row in rows:
        row["lost"] = _lost(margins, last[row["position"]], training)
    return rows, first.tolist()


def _margins(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of logits [B, T, classes] and targets [B, T]: [B, T], NaN where nothing is asked."""
    right = np.arange(logits.shape[-1]) == targets[..., None]
    logits = logits.astype(float)
    own = np.where(right, logits, -np.inf).max(-1)
    found = own - np.where(right, -np.inf, logits).max(-1)
    return np.where(targets >= 0, found, np.nan)


def _lost(margins: np.ndarray, window: range, training: int) -> float:
    """NaN for a model that is as often wrong as right within the training lengths."""
    known = margins[:, :training]
    seen = margins[:, window[0] - 1 : window[-1]]
    if np.isnan(seen).all() or not (usual := float(np.nanmedian(known))) > 0:
        return float("nan")
    return 1 - float(np.nanquantile(seen, 1 - RIGHT)) / usual


def _vectors(state: list, alive: np.ndarray) -> list[torch.Tensor]:
    """The state of each layer as one vector per string, in float64."""
    chosen = torch.from_numpy(alive)
    return [
        torch.cat([part.cpu()[chosen].flatten(1).double() for part in parts], 1) for parts in state
    ]


def _joined(seen: dict, positions: Sequence[int], layer: int) -> tuple[torch.Tensor, np.ndarray]:
    vectors = torch.cat([seen[p][0][layer] for p in positions])
    return vectors, np.concatenate([seen[p][1] for p in positions])


def _measured(layers: list["_Layer"], seen: dict, window: range) -> list[dict]:
    return [
        {"layer": i, "position": window[-1]} | layer.measure(*_joined(seen, window, i))
        for i, layer in enumerate(layers)
    ]


class _Layer:
    """The means of the groups of a layer within the training lengths, and where they differ."""

    def __init__(self, vectors: torch.Tensor, groups: np.ndarray):
        self.groups = _large(groups)
        self.means = _means(vectors, groups, self.groups)
        _, sizes, directions = torch.linalg.svd(self.means - self.means.mean(0), False)
        self.directions = directions[sizes > FLAT * max(float(sizes.max()), 1e-300)]
        self.inside = self.means @ self.directions.T
        self.separation = _separation(self.means)  # as great within U

    def measure(self, vectors: torch.Tensor, groups: np.ndarray) -> dict[str, float]:
        """What a row says of a window."""
        present = [group for group in _large(groups) if group in self.groups]
        found = dict.fromkeys(MEASURES, float("nan"))
        if len(present) < 2:
            return {"groups": len(present)} | found
        means = _means(vectors, groups, present)
        separation, spread = _separation(means), _radius(vectors, groups, present, means)
        known = [self.groups.index(group) for group in present]
        away = _radius(vectors, groups, present, self.means[known])
        inside, middles = vectors @ self.directions.T, means @ self.directions.T
        chosen = np.isin(groups, present)
        nearest = torch.cdist(vectors, self.means).argmin(1).numpy()
        return {
            "groups": len(present),
            "spread": spread,
            "separation": separation,
            "q": _ratio(spread, separation),
            "drift": _ratio(away, self.separation),
            "q_u": _ratio(_radius(inside, groups, present, middles), _separation(middles)),
            "drift_u": _ratio(
                _radius(inside, groups, present, self.inside[known]), self.separation
            ),
            "decay": float(np.log2(max(_ratio(self.separation, separation), 1e-300))),
            "own": float((np.asarray(self.groups)[nearest] == groups)[chosen].mean()),
        }


def _large(groups: np.ndarray) -> list[int]:
    numbers, counts = np.unique(groups, return_counts=True)
    return [int(n) for n, count in zip(numbers, counts, strict=True) if count >= MEMBERS]


def _means(vectors: torch.Tensor, groups: np.ndarray, which: Sequence[int]) -> torch.Tensor:
    return torch.stack([vectors[torch.from_numpy(groups == group)].mean(0) for group in which])


def _separation(means: torch.Tensor) -> float:
    return float(torch.pdist(means).min()) if len(means) > 1 else float("nan")


def _radius(vectors, groups: np.ndarray, which: Sequence[int], centres: torch.Tensor) -> float:
    """Root mean square distance from the centres, every group counting alike."""
    squares = [
        ((vectors[torch.from_numpy(groups == group)] - centre) ** 2).sum(1).mean()
        for group, centre in zip(which, centres, strict=True)
    ]
    return float(torch.stack(squares).mean().sqrt())


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else float("inf")
