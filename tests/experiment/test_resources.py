"""What jobs ask a cluster for, against what they were seen to take."""

from dataclasses import replace

import pytest

from fwp.experiment import resources
from fwp.experiment.experiment import Experiment, load_experiment
from fwp.mixers._signature import read_signature
from fwp.search.configured import search_settings

LAB = load_experiment("config.yaml")
CELL = LAB.cell("lstm", "parity")
DATA = LAB.dataset("parity")


def grows(cell) -> bool:
    return read_signature(cell.model.mixer).facts.state_grows


def training(cell=CELL, dataset=DATA, seeds=3, gpu=False) -> resources.Request:
    return resources.training(cell, dataset, seeds=seeds, gpu=gpu, state_grows=grows(cell))


def test_the_default_grid_gets_by():
    """A job of three seeds took up to 420 MB and 128 s on one core of a busy server."""
    for model in LAB.models:
        for task in LAB.tasks:
            asked = training(LAB.cell(model, task), LAB.dataset(task))
            assert asked.mem_mb > 1000 and 5 < asked.minutes < 60


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("keys", [("training", "epochs"), ("model", "hidden"), ("model", "layers")])
def test_more_work_asks_for_more_time(keys, gpu):
    part, key = keys
    own = getattr(CELL, part)
    more = replace(CELL, **{part: replace(own, **{key: 50 * getattr(own, key)})})
    assert training(more, gpu=gpu).minutes > training(gpu=gpu).minutes
    assert training(more, gpu=gpu).mem_mb >= training(gpu=gpu).mem_mb


def test_more_and_longer_strings_and_more_seeds_ask_for_more_time():
    longer = replace(DATA, train=replace(DATA.train, max_length=500))
    more = replace(DATA, train=replace(DATA.train, count=100_000))
    for asked in (training(dataset=longer), training(dataset=more), training(seeds=30)):
        assert asked.minutes > training().minutes


def test_long_test_strings_cost_time_and_with_attention_memory():
    long = replace(DATA, test=replace(DATA.test, bins=((2, 50), (99_996, 100_000))))
    attention = LAB.cell("transformer", "parity")
    short, lstm, transformer = (
        resources.evaluation(cell, dataset, seeds=3, gpu=False, state_grows=grows(cell))
        for cell, dataset in ((CELL, DATA), (CELL, long), (attention, long))
    )
    assert short.minutes < lstm.minutes < transformer.minutes
    assert transformer.mem_mb > lstm.mem_mb + 1000
    assert resources.drawing(long).mem_mb > resources.drawing(DATA).mem_mb


def test_a_gpu_takes_less_time_and_more_memory():
    paper = load_experiment("workflow/presets/paper.yaml")
    cell, dataset = paper.cell("srwm", "parity"), paper.dataset("parity")
    gpu, cpu = (training(cell, dataset, 10, on) for on in (True, False))
    assert gpu.minutes < cpu.minutes / 10
    assert gpu.mem_mb > cpu.mem_mb


def searching(gpu=False, **given) -> resources.Request:
    config = {
        "models": {"lstm": {"mixer": "lstm"}},
        "tasks": {"parity": {"language": "parity"}},
        "search": {"space": {"hidden": [32, 64], "training": {"batch_size": [16, 32]}}} | given,
    }
    search = search_settings(Experiment(config).config, "lstm")
    assert search is not None
    return resources.searching(CELL, DATA, search, gpu=gpu, state_grows=False)


def test_a_search_asks_for_the_time_of_all_its_trials():
    base, wide = searching(), replace(CELL, model=replace(CELL.model, hidden=64))
    assert base.minutes == training(wide, seeds=24).minutes
    assert abs(searching(trials=240, seeds=2).minutes - 20 * (base.minutes - 15) - 15) < 20
    assert searching(space={"hidden": [32, 256]}).minutes > 5 * base.minutes
    assert searching(halving={"factor": 3, "epochs": 2}).minutes < base.minutes
    for budget in ({"parameters": 10**7}, {"state": 10**4}):
        assert searching(space={"layers": [1, 2]}, budget=budget).minutes > 5 * base.minutes
    assert searching(gpu=True).minutes < base.minutes


def test_a_search_holds_a_pack_in_memory():
    wide = {"hidden": [32, 2048]}
    one, many = (searching(gpu=gpu, trials=100, space=wide).mem_mb for gpu in (False, True))
    assert many > one + 10_000
    assert searching(trials=1000, space=wide).mem_mb == one
