"""Numbers in a state, of models alone and in packs."""

import pytest
import tiny

from fwp.models.budget import state_size
from fwp.models.pack import Pack
from fwp.models.state_size import numbers_in_state


@pytest.fixture(scope="module")
def data():
    return tiny.draw()


@pytest.mark.parametrize("mixer", ["lstm", "deltanet", "transformer"])
def test_it_is_what_a_budget_counts(data, mixer):
    model = tiny.net(data, mixer, hidden=8)
    assert numbers_in_state(model) == state_size(model)
    assert (numbers_in_state(model) is None) == (mixer == "transformer")


def test_a_pack_holds_the_states_of_all_its_models(data):
    models = [tiny.net(data, "deltanet", hidden=8, seed=seed) for seed in range(2)]
    assert numbers_in_state(Pack(models)) == 2 * numbers_in_state(models[0])
