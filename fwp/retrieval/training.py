"""Training a memory on random sequences, until it retrieves what was written or gets no better."""

import time

import numpy as np
import torch
from torch import Tensor

from fwp.retrieval import data
from fwp.retrieval.memory import Memory
from fwp.utils.denormals import flushing_denormals

SEQUENCES = 20  # of an evaluation
EVERY = 100  # steps between evaluations
PATIENCE = 10  # further evaluations without progress
SOLVED = 1e-3  # loss


@flushing_denormals()
def run(
    *,
    memory: dict,
    repeated: bool,
    count: int,
    seed: int = 1,
    steps: int = 100_000,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    device: str = "cpu",
) -> dict:
    """Train one memory as Schlag et al. (2021) do: Adam, new sequences at every step.

    Args:
        memory: keyword arguments of `Memory`: feature_map, nu, rule.
        repeated: setting 2 of the paper, otherwise setting 1; see `data.batch`.
        count: S, the number of keys and of values.
        seed: decides initial weights and sequences.
        steps: at most so many.
        batch_size: sequences per step.
        learning_rate: Adam's.
        device: "cpu" or "cuda".

    Returns:
        loss (½|v − v̂|², the least of all evaluations), steps, status (solved: below .001; stuck:
        no progress in 11 evaluations; budget), seconds, history ([step, loss], …).
    """
    began = time.perf_counter()
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, count, int(repeated)])
    model = Memory(count, **memory).to(device)
    # Softmax and sum rule leave β's weights out.
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    history, status = [], "budget"
    for step in range(1, steps + 1):
        pairs = data.batch(rng, count, batch_size, repeated=repeated)
        optimiser.zero_grad(set_to_none=True)
        _loss(model, pairs, device).backward()
        optimiser.step()
        if step % EVERY == 0 or step == steps:
            history.append([step, _examine(model, rng, count, repeated, device)])
            losses = [loss for _, loss in history]
            if losses[-1] <= SOLVED:
                status = "solved"
            elif len(losses) - 1 - int(np.argmin(losses)) > PATIENCE:
                status = "stuck"
            if status != "budget":
                break
    return {
        "loss": min(loss for _, loss in history),
        "steps": history[-1][0],
        "status": status,
        "seconds": time.perf_counter() - began,
        "history": history,
    }


@torch.no_grad()
def _examine(model: Memory, rng: np.random.Generator, count: int, repeated: bool, device) -> float:
    evaluators = data.evaluator(rng, count, SEQUENCES, repeated=repeated)
    return float(np.mean([float(_loss(model, pairs, device)) for pairs in evaluators]))


def _loss(model: Memory, pairs: data.Pairs, device: str) -> Tensor:
    """½|v − v̂|², mean over the queries."""
    keys, values, queries, answers = (torch.from_numpy(a).to(device) for a in pairs)
    retrieved = model(keys, values, queries)
    right = retrieved.gather(-1, answers.unsqueeze(-1)).squeeze(-1)
    return (0.5 * (retrieved.square().sum(-1) - 2 * right + 1)).mean()
