"""The worlds as environments of Gymnasium."""

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", reason="the extra pomdp is not installed")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from fwp.pomdp import gym, worlds  # noqa: E402

SHORT = {"horizon": 5, "shortest": 3}


@pytest.mark.parametrize("name", gym.IDS)
def test_gymnasium_finds_nothing_wrong(name):
    check_env(gymnasium.make(name, **SHORT).unwrapped, skip_render_check=True)


@pytest.mark.parametrize(("name", "world"), gym.IDS.items())
def test_many_at_a_time_are_the_world_itself(name, world):
    many = gymnasium.make_vec(f"{gym.__name__}:{name}", 4, **SHORT)
    alone = worlds.make(world, 4, {}, horizon=5, shortest=3)
    assert worlds.sizes(many) == worlds.sizes(alone)
    seen, _ = many.reset(seed=7)
    assert (seen == alone.reset(seed=7)[0]).all() and many.observation_space.contains(seen)
    many.action_space.seed(0)
    for _ in range(12):
        actions = many.action_space.sample()
        found, expected = many.step(actions), alone.step(actions)
        assert all((a == b).all() for a, b in zip(found[:4], expected[:4], strict=True))
        assert found[4].keys() == expected[4].keys()
    assert (many.reset(seed=[1, 2, 3, None])[0] == many.reset(seed=[1, 2, 3, None])[0]).all()
    assert many.reset(seed=[None] * 4)[0].shape == (4,)


def test_success_is_told_at_the_end():
    env = gymnasium.make("fwp/TMaze-v0", horizon=3)
    sign, _ = env.reset(seed=0)
    assert env.step(0)[4] == env.step(0)[4] == {}
    _, reward, over, _, known = env.step(1 if sign == 1 else 3)
    assert (reward, over, known) == (1.0, True, {"success": True})


def test_environments_of_gymnasium_must_have_numbers():
    box = gymnasium.make_vec("CartPole-v1", 1)
    with pytest.raises(ValueError, match=r"must be Discrete, from 0 on, got Box"):
        worlds.sizes(box)
    assert np.array_equal(worlds.sizes(worlds.make("fwp/Match-v0", 2, {}, horizon=4)), (12, 3))
