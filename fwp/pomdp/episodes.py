"""Episodes: how an agent's model plays them, and the memory of those that were played."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn


class Episodes(NamedTuple):
    """Whole episodes, [count, longest]; what lies behind the end of one is 0.

    tokens have one step more, [count, longest + 1]: what the model reads before each action, and
    once more after the last. `ended` says whether an episode came to its own end, after which
    there is nothing to earn; otherwise it was cut short.
    """

    tokens: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    lengths: np.ndarray
    ended: np.ndarray
    success: np.ndarray

    @property
    def returns(self) -> np.ndarray:
        """Sum of rewards, [count]."""
        return self.rewards.sum(axis=1)


class Reader:
    """What a model is given to read: the observation, or it and the action before.

    Args:
        observations: how many there are.
        actions: how many there are.
        previous: whether the action before is read too.

    Attributes:
        alphabet: what may be read, numbered, as `build_model` asks for it.
        classes: the actions, likewise.
    """

    def __init__(self, observations: int, actions: int, *, previous: bool):
        self.actions, self.previous = actions, previous
        read = observations * (actions + 1) if previous else observations
        self.alphabet, self.classes = (tuple(map(str, range(n))) for n in (read, actions))

    def token(self, observed: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Tokens of observations and of the actions before, which the first step lacks."""
        if not self.previous:
            return observed
        return observed * (self.actions + 1) + (self.actions if before is None else before)


def play(
    world: Any,
    model: nn.Module,
    reader: Reader,
    *,
    longest: int,
    rng: np.random.Generator,
    explore: float = 0.0,
    seed: int | None = None,
    device: str = "cpu",
) -> Episodes:
    """One episode in each place of a world, by a model that is read step by step.

    Args:
        world: as `fwp.pomdp.worlds.make` returns it.
        model: maps tokens [B, T] and a state to values of actions [B, T, actions] and a state.
        reader: what the model reads.
        longest: after so many steps, episodes are cut short.
        rng: decides when and how to explore.
        explore: with this probability an action is random, else the one of the largest value.
        seed: of the world; None goes on as before.
        device: where the model is.
    """
    observed, _ = world.reset(seed=seed)
    count = len(observed)
    tokens = np.zeros((count, longest + 1), dtype=np.int64)
    actions = np.zeros((count, longest), dtype=np.int64)
    rewards = np.zeros((count, longest))
    lengths = np.zeros(count, dtype=np.int64)
    ended, success = np.zeros((2, count), dtype=bool)
    tokens[:, 0] = reader.token(observed, None)
    going, state, time = np.ones(count, dtype=bool), None, 0
    while going.any() and time < longest:
        read = torch.from_numpy(tokens[:, time : time + 1]).to(device)
        with torch.no_grad():
            values, state = model(read, state)
        chosen = values[:, 0].argmax(-1).cpu().numpy()
        if explore:
            lost = rng.random(count) < explore
            chosen = np.where(lost, rng.integers(reader.actions, size=count), chosen)
        observed, earned, terminated, truncated, known = world.step(chosen)
        actions[:, time] = chosen * going
        rewards[:, time] = earned * going
        lengths += going
        time += 1
        tokens[:, time] = reader.token(observed, chosen) * going
        success |= going & terminated & np.asarray(known.get("success", False))
        ended |= going & terminated
        going &= ~(terminated | truncated)
    return Episodes(tokens, actions, rewards, lengths, ended, success)


class Replay:
    """The latest episodes, of which batches are drawn.

    Args:
        size: how many episodes are kept.
    """

    def __init__(self, size: int):
        self.size, self._kept, self._next = size, None, 0
        self._filled = 0

    def add(self, new: Episodes) -> None:
        """Keep further episodes, in place of the oldest ones."""
        if self._kept is None:
            empty = (np.zeros((self.size, *part.shape[1:]), dtype=part.dtype) for part in new)
            self._kept = Episodes(*empty)
        places = (self._next + np.arange(len(new.lengths))) % self.size
        for kept, part in zip(self._kept, new, strict=True):
            kept[places] = part
        self._next = int(places[-1] + 1) % self.size
        self._filled = min(self._filled + len(places), self.size)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        """`count` random episodes, no longer than the longest of them."""
        assert self._kept is not None
        rows = rng.integers(self._filled, size=count)
        batch = Episodes(*(part[rows] for part in self._kept))
        most = int(batch.lengths.max())
        return batch._replace(
            tokens=batch.tokens[:, : most + 1],
            actions=batch.actions[:, :most],
            rewards=batch.rewards[:, :most],
        )


def temporal_difference(
    model: Callable, target: Callable, batch: Episodes, *, discount: float, device: str = "cpu"
) -> Tensor:
    """Mean squared error of the values of a batch's actions, by double Q-learning.

    Whole episodes are read at once. Mnih et al. 2015, van Hasselt et al. 2016, with a history h in
    place of a state, as Lu et al. (2024) have it: the error of

        Q(h_t, a_t) = r_t + γ Q'(h_{t+1}, argmax_a Q(h_{t+1}, a))

    where Q' is the target network, and its value is 0 after the end.
    """
    tokens, actions = (torch.from_numpy(x).to(device) for x in (batch.tokens, batch.actions))
    steps = np.arange(actions.shape[1])
    inside = steps < batch.lengths[:, None]
    over = batch.ended[:, None] & (steps == batch.lengths[:, None] - 1)
    values, _ = model(tokens, None)
    rewards, inside, on = (torch.from_numpy(x).to(values) for x in (batch.rewards, inside, ~over))
    with torch.no_grad():
        best = values[:, 1:].argmax(-1, keepdim=True)
        following = target(tokens, None)[0][:, 1:].gather(-1, best).squeeze(-1)
        due = rewards + discount * on * following
    given = values[:, :-1].gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    return ((given - due).square() * inside).sum() / inside.sum()
