"""Which strings a model gets right, read piece by piece with the state carried over."""

import numpy as np
import torch
from torch import Tensor

from fwp.batches import pad
from fwp.datasets import Split
from fwp.model import SequenceModel

# A piece holds at most this many symbols of all strings together: enough to keep matrix products
# busy, while its activations (× 4 bytes × hidden × feed-forward factor) still fit into a core's
# cache or nearly so.
PIECE = {"cpu": 8_192, "cuda": 262_144}
STEPS = 128  # symbols of a string per piece


@torch.inference_mode()
def count_mistakes(model: SequenceModel, split: Split, *, device: str = "cpu") -> np.ndarray:
    """Number of positions that `model` gets wrong in each string of `split`, int64 [strings].

    Memory does not grow with the strings' length for models whose state has a fixed size.
    """
    model.eval()
    wrong = np.zeros(len(split), dtype=np.int64)
    order = np.argsort(split.lengths, kind="stable")
    rows = max(1, PIECE[torch.device(device).type] // STEPS)
    begin = 0
    while begin < len(order):
        # Short strings do not fill a piece in time, so more of them go side by side.
        longest = split.lengths[order[min(begin + rows, len(order)) - 1]]
        take = rows * max(1, STEPS // int(longest))
        chosen = order[begin : begin + take]
        wrong[chosen] = _mistakes_of_batch(model, split, chosen, device)
        begin += take
    return wrong


def _mistakes_of_batch(model, split: Split, chosen: np.ndarray, device: str) -> np.ndarray:
    tokens, targets = (torch.from_numpy(a).to(device) for a in pad(split, chosen))
    wrong = torch.zeros(len(chosen), dtype=torch.int64, device=device)
    state = None
    for begin in range(0, tokens.shape[1], STEPS):
        piece = slice(begin, begin + STEPS)
        logits, state = model(tokens[:, piece].long(), state)
        wrong += _wrong(logits, targets[:, piece].long()).sum(1)
    return wrong.cpu().numpy()


def _wrong(logits: Tensor, targets: Tensor) -> Tensor:
    """True where a position has a target (≥ 0) and the largest logit is not its class."""
    right = (logits.argmax(-1) == targets) & logits.isfinite().all(-1)
    return ~right & (targets >= 0)


def sequence_accuracy(model: SequenceModel, split: Split, *, device: str = "cpu") -> float:
    """Share of strings with every position right: the paper's measure."""
    return float((count_mistakes(model, split, device=device) == 0).mean())
