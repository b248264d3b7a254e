"""The worlds as environments of Gymnasium, for learners of any kind.

Importing this module registers them: fwp/Language-v0, fwp/TMaze-v0 and fwp/Match-v0.
`gymnasium.make("fwp.pomdp.gym:fwp/TMaze-v0", horizon=20)` imports it by itself.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from fwp.pomdp.worlds import WORLDS

IDS = {"fwp/Language-v0": "language", "fwp/TMaze-v0": "t_maze", "fwp/Match-v0": "match"}
"""Names of worlds by their ids."""


class WorldEnv(gymnasium.Env):
    """One episode of a world at a time.

    Args:
        world: its name.
        options: keyword arguments of the world.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, world: str, **options: Any):
        self.world = WORLDS[world](1, **options)
        self.observation_space = spaces.Discrete(len(self.world.observations))
        self.action_space = spaces.Discrete(len(self.world.actions))

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Begin an episode: its first observation, and {}."""
        super().reset(seed=seed)
        self.world.rng = self.np_random
        observations, known = self.world.reset(options=options)
        return int(observations[0]), known

    def step(self, action: Any):
        """Act: observation, reward, whether it is over, False, and {"success": …} at the end."""
        found, rewards, over, _, known = self.world.step(np.array([action]))
        success = {"success": bool(known["success"][0])} if known else {}
        return int(found[0]), float(rewards[0]), bool(over[0]), False, success


class WorldVectorEnv(VectorEnv):
    """Many episodes of a world at a time, each of which is followed by the next.

    Args:
        num_envs: how many.
        world: its name.
        options: keyword arguments of the world.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, world: str, **options: Any):
        self.world = WORLDS[world](num_envs, **options)
        self.num_envs = num_envs
        self.single_observation_space = spaces.Discrete(len(self.world.observations))
        self.single_action_space = spaces.Discrete(len(self.world.actions))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None):
        """Begin all episodes: first observations, and {}.

        A list of seeds, one for each, is taken as the seed of all together.
        """
        if isinstance(seed, Sequence):
            given = [one for one in seed if one is not None]
            seed = int(np.random.SeedSequence(given).generate_state(1)[0]) if given else None
        if seed is not None:
            super().reset(seed=seed)
        self.world.rng = self.np_random
        return self.world.reset(options=options)

    def step(self, actions: Any):
        """Act in all episodes, as `World.step` says."""
        return self.world.step(np.asarray(actions))


def _register() -> None:
    for name, world in IDS.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=f"{__name__}:WorldEnv",
                vector_entry_point=f"{__name__}:WorldVectorEnv",
                kwargs={"world": world},
            )


_register()
