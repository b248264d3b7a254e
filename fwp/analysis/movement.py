"""How a matrix that is its own program moves along a string, and how many places it visits.

For mixers whose state begins at trained weights (`initial_state`), as that of SRWM does: the norm
of W_t - W_0 over that of W_0 for every part and head, and the number of clusters of W_t.

The number of clusters is that of k-means with the greatest mean silhouette (Rousseeuw 1987), and 1
where that is at most `WEAK`: no substantial structure by Kaufman and Rousseeuw (1990, p. 88).
"""

from collections.abc import Sequence

import numpy as np
import torch

from fwp.analysis.reading import automaton_states, read, windows
from fwp.datasets.dataset import Split
from fwp.languages._machine import Machine
from fwp.models.sequence_model import SequenceModel
from fwp.training.batches import pad
from fwp.utils.denormals import flushing_denormals

WEAK = 0.25
POINTS = 200  # vectors to cluster, at most
MOST = 12  # clusters, at most
DIRECTIONS = 16  # the widest ones, in which points are clustered


@flushing_denormals()
@torch.inference_mode()
def movement(
    model: SequenceModel,
    split: Split,
    machine: Machine,
    alphabet: Sequence[str],
    *,
    training: int,
    strings: int = 20,
    device: str = "cpu",
) -> tuple[list[dict], list[dict]]:
    """Read the longest strings of `split` and follow what began as weights.

    Args:
        training: longest training length; clusters are of positions up to it, where a model that
            has learnt its task is right.

    Returns:
        Two lists of rows, empty for models that have no such state and for strings shorter than a
        window. Of distances, one per layer × position × part × head: moved, the mean over strings
        of the distance from the start over the norm of the start. Of clusters, one per layer ×
        part, and for all parts together ("all") and all but the first ("rules": what decides the
        next change): clusters, silhouette, visited (states of the automaton that occur) and own
        (share of vectors that are nearer to the mean of their own automaton state than to any
        other).
    """
    model.eval().to(device)
    starts = [_start(block.mixer) for block in model.blocks]
    if not any(starts):
        return [], []
    chosen = np.argsort(-split.lengths, kind="stable")[:strings]
    lengths = split.lengths[chosen]
    tokens, _ = pad(split, chosen)
    states = automaton_states(machine, tokens, lengths, alphabet)
    looked = windows(int(lengths.max()))
    ends = {window[-1] for window in looked}
    stops = sorted({position for window in looked for position in window})
    if not stops:
        return [], []
    rows, vectors, groups = [], {}, []
    whole = torch.from_numpy(tokens).to(device).long()
    for position, state, _ in read(model, whole, stops):
        alive = np.flatnonzero(lengths >= position)
        if position <= training:
            groups.append(states[alive, position - 1])
        for layer, start in enumerate(starts):
            for part, (now, before) in enumerate(zip(state[layer], start, strict=False)):
                now, before = now.cpu().double()[alive], before.cpu().double()
                if position <= training:
                    vectors.setdefault((layer, part), []).append(now.flatten(1).numpy())
                if position in ends:
                    rows += [
                        {"layer": layer, "position": position, "part": part, "head": head}
                        | {"moved": moved}
                        for head, moved in enumerate(_moved(now, before))
                    ]
    joined = {key: np.concatenate(parts) for key, parts in vectors.items()}
    return rows, _clusters(joined, np.concatenate(groups))


def _start(mixer) -> Sequence[torch.Tensor]:
    return mixer.initial_state() if hasattr(mixer, "initial_state") else ()


def _moved(now: torch.Tensor, before: torch.Tensor) -> list[float]:
    """By head: now [B, heads, …] from before [heads, …]."""
    away = (now - before).flatten(2).norm(dim=2).mean(0)
    return (away / before.flatten(1).norm(dim=1).clamp(min=1e-300)).tolist()


def _clusters(vectors: dict[tuple[int, int], np.ndarray], groups: np.ndarray) -> list[dict]:
    chosen = np.random.default_rng(0).permutation(len(groups))[:POINTS]
    groups, rows = groups[chosen], []
    for layer in sorted({layer for layer, _ in vectors}):
        parts = {str(part): all[chosen] for (own, part), all in vectors.items() if own == layer}
        if len(parts) > 2:
            parts["rules"] = np.concatenate([*parts.values()][1:], 1)
            parts["all"] = np.concatenate([parts["0"], parts["rules"]], 1)
        for name, points in parts.items():
            count, silhouette = distinct(points)
            rows.append(
                {
                    "layer": layer,
                    "part": name,
                    "clusters": count,
                    "silhouette": silhouette,
                    "visited": len(np.unique(groups)),
                    "own": _own(points, groups),
                }
            )
    return rows


def distinct(points: np.ndarray, most: int = MOST) -> tuple[int, float]:
    """The number of clusters of points [N, D], and the silhouette of that clustering."""
    from scipy.cluster.vq import kmeans2
    from scipy.spatial.distance import cdist

    centred = points - points.mean(0)
    scale = np.abs(points).max()
    if np.abs(centred).max() <= 1e-6 * max(scale, 1e-300):
        return 1, 0.0  # all the same but for rounding
    left, sizes, _ = np.linalg.svd(centred / np.abs(centred).max(), full_matrices=False)
    centred = (left * sizes)[:, :DIRECTIONS]
    apart = cdist(centred, centred)
    best, silhouette = 1, WEAK
    for count in range(2, min(most, len(points) - 1) + 1):
        labels = kmeans2(centred, _spread_out(apart, centred, count), minit="matrix")[1]
        if (found := _silhouette(apart, labels)) > silhouette + 1e-3:
            best, silhouette = len(np.unique(labels)), found
    return best, silhouette if best > 1 else 0.0


def _spread_out(apart: np.ndarray, points: np.ndarray, count: int) -> np.ndarray:
    """Points to start from, [count, D]: each as far as can be from those before it."""
    chosen = [int(apart.sum(0).argmin())]
    while len(chosen) < count:
        chosen.append(int(apart[chosen].min(0).argmax()))
    return points[chosen]


def _silhouette(apart: np.ndarray, labels: np.ndarray) -> float:
    numbers, labels = np.unique(labels, return_inverse=True)
    if len(numbers) < 2:
        return 0.0
    member = labels[:, None] == np.arange(len(numbers))
    sums, sizes = apart @ member, member.sum(0)
    rows = np.arange(len(labels))
    own = sums[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    other = means.min(1)
    values = np.where(sizes[labels] > 1, (other - own) / np.maximum(other, own).clip(1e-300), 0.0)
    return float(values.mean())


def _own(points: np.ndarray, groups: np.ndarray) -> float:
    numbers, labels = np.unique(groups, return_inverse=True)
    means = np.stack([points[labels == i].mean(0) for i in range(len(numbers))])
    distances = ((points[:, None] - means) ** 2).sum(2)
    return float((distances.argmin(1) == labels).mean())
