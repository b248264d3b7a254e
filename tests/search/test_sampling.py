"""Trials of a search: the same everywhere, possible, new, and none depends on how many follow."""

from collections import Counter

import pytest

from fwp.search.sampling import Sampler
from fwp.search.space import Choice, Range, Space, text

METHODS = ["grid", "random", "quasi_random", "tpe"]
SPACE: Space = {
    "heads": Choice((1, 2, 3, 4)),
    "hidden": Range(8, 64, integer=True, step=8, points=None),
    "training.betas": Choice(([0.9, 0.99], [0.9, 0.995])),
    "training.learning_rate": Range(1e-4, 1e-2, log=True, points=3),
}

KNOWN = {
    "grid": [(8, 0.0001), (8, 0.001), (8, 0.01)],
    "random": [(16, 0.003211), (8, 0.0006695), (48, 0.0003391)],
    "quasi_random": [(32, 0.008477), (48, 0.0001641), (64, 0.001141)],
    "tpe": [(16, 0.003211), (8, 0.0006695), (48, 0.0003391)],
}


def fits(settings: dict) -> bool:
    return settings["hidden"] % settings["heads"] == 0


def value(settings: dict) -> float | None:
    """As if wide models did well, and some diverged."""
    rate = settings.get("training.learning_rate", 0.001)
    return None if rate > 0.008 else settings.get("hidden", 8) / 64 - 10 * rate


def drawn(space=SPACE, possible=fits, **given) -> list[dict]:
    given = {"method": "random", "trials": 20, "seed": 0} | given
    sampler = Sampler(space, possible=possible, **given)
    found = []
    while batch := sampler.ask():
        for number, settings in reversed(batch):
            sampler.tell(number, value(settings))
        found += batch
    assert [number for number, _ in found] == list(range(len(found)))
    return [settings for _, settings in found]


@pytest.mark.parametrize("method", METHODS)
def test_trials_are_possible_new_and_the_same_each_time(method):
    found = drawn(method=method)
    assert found == drawn(method=method)
    assert len(found) == len({text(settings) for settings in found}) == 20
    for settings in found:
        assert list(settings) == list(SPACE)
        assert fits(settings)
        assert settings["hidden"] in range(8, 65, 8) and type(settings["hidden"]) is int
        assert settings["heads"] in (1, 2, 3, 4)
        assert settings["training.betas"] in ([0.9, 0.99], [0.9, 0.995])
        assert 1e-4 <= settings["training.learning_rate"] <= 1e-2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fewer", [1, 7, 8, 13])
def test_more_trials_leave_the_first_ones_as_they_are(method, fewer):
    assert drawn(method=method, trials=fewer) == drawn(method=method)[:fewer]


@pytest.mark.parametrize("method", METHODS[1:])
def test_another_seed_draws_others(method):
    assert not [x for x in drawn(method=method, seed=1) if x in drawn(method=method)]


@pytest.mark.parametrize("method", METHODS)
def test_a_small_space_is_tried_out_and_no_more(method):
    space = {"heads": Choice((1, 2, 3)), "hidden": Choice((8, 12))}
    found = drawn(space, method=method)
    assert sorted((x["heads"], x["hidden"]) for x in found) == [
        (1, 8), (1, 12), (2, 8), (2, 12), (3, 12)
    ]  # fmt: skip


def test_a_setting_keeps_its_draws_when_another_is_added():
    few = {key: SPACE[key] for key in ("hidden", "training.learning_rate")}
    for one, other in zip(drawn(few, None), drawn(SPACE, None), strict=True):
        assert one == {key: other[key] for key in few}


def test_the_values_of_the_first_trials_are_known():
    """They are the same on every machine and with every version of the libraries."""
    few = {key: SPACE[key] for key in ("hidden", "training.learning_rate")}
    rows = {m: [tuple(x.values()) for x in drawn(few, None, method=m, trials=3)] for m in METHODS}
    assert rows == KNOWN


def test_a_grid_has_all_points_in_order():
    space = {"hidden": Choice((32, 16)), "training.learning_rate": SPACE["training.learning_rate"]}
    assert [tuple(x.values()) for x in drawn(space, method="grid", possible=None)] == [
        (32, 0.0001), (32, 0.001), (32, 0.01), (16, 0.0001), (16, 0.001), (16, 0.01)
    ]  # fmt: skip


def test_what_did_well_is_tried_again():
    found = drawn(method="tpe", trials=40, possible=None)
    first, last = (sum(x["hidden"] for x in part) for part in (found[:8], found[32:]))
    assert last > 1.3 * first


def test_quasi_random_trials_are_even():
    space: Space = {"a": Range(0.0, 1.0), "b": Range(0.0, 1.0)}
    found = [x for _, x in Sampler(space, method="quasi_random", trials=64, seed=0).ask()]
    quarters = Counter((x["a"] < 0.5, x["b"] < 0.5) for x in found)
    assert list(quarters.values()) == [16] * 4


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_space_where_nothing_is_possible_is_refused(method):
    with pytest.raises(ValueError, match="none of 200 draws from the space is new and possible"):
        Sampler(SPACE, method=method, trials=3, seed=0, possible=lambda _: False).ask()


def test_a_batch_waits_for_the_one_before():
    sampler = Sampler(SPACE, method="tpe", trials=20, seed=0)
    for number, _ in sampler.ask()[1:]:
        sampler.tell(number, 0.5)
    with pytest.raises(ValueError, match=r"untold: \[0\]"):
        sampler.ask()
    with pytest.raises(ValueError, match="trials 0 to 7 were asked, got 8"):
        sampler.tell(8, 0.5)
