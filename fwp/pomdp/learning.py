"""Recurrent deep Q-learning: an agent plays, remembers whole episodes, and learns from them."""

import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fwp.config.settings import ModelSettings
from fwp.models.sequence_model import build_model
from fwp.pomdp import worlds
from fwp.pomdp.episodes import Reader, Replay, play, temporal_difference
from fwp.utils.denormals import flushing_denormals

PARTS = 20  # of a run, in each of which the mean return is written down


@flushing_denormals()
def run(
    *,
    model: Mapping[str, Any],
    world: str,
    options: Mapping[str, Any],
    train: Sequence[int],
    test: Sequence[int],
    previous_action: bool,
    seed: int,
    steps: int,
    batch_size: int,
    collected: int,
    updates: int,
    replay: int,
    discount: float,
    target_rate: float,
    exploration: float,
    episodes: int,
    learning_rate: float,
    clip: float | None,
    device: str = "cpu",
) -> dict:
    """Train one agent at short horizons, and let it play at longer ones.

    Args:
        model: `ModelSettings`, as a plain dict.
        world: name of a world, or an id of Gymnasium.
        options: of the world.
        train: the shortest and the longest horizon of training; a world of Gymnasium is given the
            longest alone.
        test: horizons.
        previous_action: whether the model reads the action before, beside the observation.
        seed: decides initial weights, worlds, exploration and batches.
        steps: of gradient descent (Adam).
        batch_size: episodes per step.
        collected: episodes that are played at a time.
        updates: steps from one time to the next.
        replay: how many episodes are remembered.
        discount: γ.
        target_rate: by which share the target network comes nearer at each step.
        exploration: share of the steps in which the probability of a random action falls from 1 to
            1 / the longest horizon.
        episodes: how many are played at each horizon of the test, without exploration.
        learning_rate, clip: of Adam, and the largest norm of a gradient.
        device: "cpu" or "cuda".

    Returns:
        world; trained: the longest horizon of the training; test: a row per horizon with horizon,
        return and success (means over episodes); history: a row per part of the training with step,
        return and loss; parameters, seconds.
    """
    began = time.perf_counter()
    rng = np.random.default_rng([seed, 1])
    shortest, longest = train
    place = worlds.make(world, collected, options, horizon=longest, shortest=shortest)
    reader = Reader(*worlds.sizes(place), previous=previous_action)
    settings = ModelSettings.from_dict(model)
    online = build_model(settings, reader, seed=seed, dtype="float32").to(device)
    target = copy.deepcopy(online)
    weights, slow = list(online.parameters()), list(target.parameters())
    optimiser = torch.optim.Adam(weights, lr=learning_rate, fused=True)
    memory, history, part, losses = Replay(replay), [], [], []
    for step in range(1, steps + 1):
        if (step - 1) % updates == 0:
            played = play(
                place,
                online,
                reader,
                longest=longest,
                rng=rng,
                explore=_explore(step / steps, exploration, 1 / longest),
                seed=seed if step == 1 else None,
                device=device,
            )
            memory.add(played)
            part.append(played.returns.mean())
        batch = memory.draw(rng, batch_size)
        optimiser.zero_grad(set_to_none=True)
        loss = temporal_difference(online, target, batch, discount=discount, device=device)
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(weights, clip)
        optimiser.step()
        with torch.no_grad():
            for old, new in zip(slow, weights, strict=True):
                old.lerp_(new, target_rate)
        losses.append(loss.detach())
        if part and step * PARTS // steps > (step - 1) * PARTS // steps:
            mean = float(torch.stack(losses).mean())
            history.append({"step": step, "return": float(np.mean(part)), "loss": mean})
            part, losses = [], []
    rows = []
    for horizon in test:
        place = worlds.make(world, episodes, options, horizon=horizon)
        played = play(
            place, online, reader, longest=horizon, rng=rng, seed=seed + 1_000_000, device=device
        )
        found = {"return": float(played.returns.mean()), "success": float(played.success.mean())}
        rows.append({"horizon": horizon} | found)
    return {
        "world": world,
        "trained": longest,
        "test": rows,
        "history": history,
        "parameters": online.parameter_count,
        "seconds": time.perf_counter() - began,
    }


def _explore(done: float, share: float, least: float) -> float:
    """The probability of a random action, when this share of the training is done."""
    return max(least, 1 - done / share * (1 - least))
