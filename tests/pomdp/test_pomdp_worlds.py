"""The worlds: what they show, what actions earn, and which settings they refuse."""

import numpy as np
import pytest

from fwp.pomdp.language_world import LanguageWorld
from fwp.pomdp.match import Match
from fwp.pomdp.t_maze import DOWN, LEFT, RIGHT, UP, TMaze
from fwp.pomdp.worlds import WORLDS, make, sizes

AB = {"language": "regex", "params": {"pattern": "ab"}}


def steps_of(world, policy, *, seed=0):
    """Observations, rewards and final knowledge of one episode in each place."""
    seen, earned = [world.reset(seed=seed)[0]], []
    for _ in range(world.horizon):
        observed, rewards, over, cut, known = world.step(policy(np.array(seen)))
        assert not cut.any()
        seen.append(observed)
        earned.append(rewards)
        if over.all():
            break
    return np.array(seen), np.array(earned), known


def parity(seen):
    """Names the parity at the end symbol, and anything before."""
    return 1 - (seen == 1).sum(axis=0) % 2


def test_a_string_is_shown_and_its_class_earns_one():
    world = LanguageWorld(50, horizon=7)
    assert (world.observations, world.actions) == (("0", "1", "end"), ("odd", "even", "wait"))
    seen, earned, known = steps_of(world, parity)
    assert (seen[:6] < 2).all() and (seen[6:] == 2).all()
    assert 0 < (parity(seen) == 0).mean() < 1  # a walk leads to every class
    assert (earned[:6] == 0).all() and (earned[6] == 1).all() and known["success"].all()
    _, earned, known = steps_of(world, lambda seen: 1 - parity(seen))
    assert (earned == 0).all() and not known["success"].any()
    _, earned, known = steps_of(world, lambda seen: np.full(50, 2))
    assert (earned[6] == -1).all() and not known["success"].any()


def test_whole_strings_of_the_language_may_be_shown():
    world = LanguageWorld(40, horizon=9, shortest=2, language="aa_star", strings="language")
    seen, _, _ = steps_of(world, lambda seen: np.zeros(40, dtype=int))
    assert {*(seen == 1).argmax(axis=0)} == {2, 4, 6, 8}  # symbols before the first end
    assert LanguageWorld(1, horizon=3, wait=False).actions == ("odd", "even")


def test_episodes_begin_anew_in_the_step_after_their_last():
    world = LanguageWorld(2, horizon=3)
    world.steps[:] = 0
    world.reset(seed=1)
    for _ in range(2):
        assert not world.step(np.zeros(2, int))[2].any()
    assert world.step(np.zeros(2, int))[2].all()
    observed, rewards, over, _, known = world.step(np.zeros(2, int))
    assert (observed < 2).all() and not rewards.any() and not over.any() and known == {}
    assert (world.time == 0).all()


@pytest.mark.parametrize("name", WORLDS)
def test_a_seed_decides_all_and_lengths_are_drawn(name):
    runs = []
    for _ in range(2):
        world, rng = make(name, 30, {}, horizon=6, shortest=4), np.random.default_rng(5)
        parts = [world.reset(seed=3)[0]]
        for _ in range(20):
            parts += world.step(rng.integers(sizes(world)[1], size=30))[:3]
        runs.append(np.concatenate(parts))
    assert (runs[0] == runs[1]).all()
    assert {*world.steps.tolist()} == {4, 5, 6}


def walk(signs, actions):
    """What one agent sees and earns in a maze of four steps."""
    world = TMaze(1, horizon=4)
    seed = next(s for s in range(99) if world.reset(seed=s)[0][0] == signs)
    seen, earned = [], []
    world.reset(seed=seed)
    for action in actions:
        observed, rewards, over, _, known = world.step(np.array([action]))
        seen.append(world.observations[observed[0]])
        earned.append(round(float(rewards[0]), 3))
    assert over.all()
    return seen, earned, bool(known["success"][0])


def test_the_maze():
    for sign, turn, other in ((1, UP, DOWN), (2, DOWN, UP)):
        way = ["corridor", "corridor", "junction"]
        seen, earned, success = walk(sign, [RIGHT, RIGHT, RIGHT, turn])
        goal = "upper goal" if turn == UP else "lower goal"
        assert (seen, earned, success) == ([*way, goal], [0, 0, 0, 1], True)
        assert walk(sign, [RIGHT, RIGHT, RIGHT, other])[1:] == ([0, 0, 0, 0], False)
    # A wall, a step back, and who is late cannot reach a goal.
    third = -0.333
    assert walk(1, [UP, RIGHT, RIGHT, RIGHT])[1:] == ([third, third, third, 0], False)
    assert walk(1, [RIGHT, LEFT, RIGHT, UP])[1:] == ([0, third, third, 0], False)


def test_the_doors():
    world = Match(60, horizon=5)

    def best(seen):
        if len(seen) == 1:
            return np.zeros(60, int)
        if (seen[-1] < 6).all():
            return seen[-1] - 3
        orders = [world.observations[i].split()[1:] for i in seen[-1]]
        colours = [world.observations[i] for i in seen[0]]
        return np.array([o.index(c) for o, c in zip(orders, colours, strict=True)])

    seen, earned, known = steps_of(world, best)
    assert (seen[0] < 3).all() and ((seen[1:4] >= 3) & (seen[1:4] < 6)).all()
    assert (seen[4:] >= 6).all() and len({*seen[4].tolist()}) == 6
    assert np.allclose(earned.sum(axis=0), 2) and known["success"].all()
    _, earned, known = steps_of(Match(60, horizon=5, apples=0), lambda seen: np.zeros(60, int))
    assert 0.1 < earned.sum(axis=0).mean() < 0.6
    assert (earned[4] == known["success"]).all()


@pytest.mark.parametrize(
    ("name", "options", "horizon", "shortest", "message"),
    [
        ("match", {}, 2, None, "shortest must be at least 3, got 2"),
        ("t_maze", {}, 4, 5, "shortest must be at most horizon = 4, got 5"),
        ("t_maze", {"width": 3}, 4, 4, "options of t_maze: .*width"),
        ("language", {"language": "partiy"}, 4, 4, "did you mean 'parity'"),
        ("language", {"strings": "some"}, 4, 4, "strings must be walk or language, got 'some'"),
        ("language", {"language": "mqar"}, 9, 9, "must give the last symbol .* a class, mqar"),
        ("language", AB, 4, 4, "strings can always go on, regex ends after 'ab'"),
        ("language", {"language": "aa_star", "strings": "language"}, 2, 2, "aa_star has none of 1"),
    ],
)
def test_worlds_that_cannot_be_are_refused(name, options, horizon, shortest, message):
    with pytest.raises(ValueError, match=message):
        make(name, 1, options, horizon=horizon, shortest=shortest).reset(seed=0)
