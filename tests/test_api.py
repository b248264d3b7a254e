"""What a notebook imports."""

import subprocess
import sys

import numpy as np
import pytest
import synthetic
import torch

import fwp
from fwp import api
from fwp.datasets.dataset import save_dataset
from fwp.results.collect import collect_results, write_results


@pytest.fixture(scope="module")
def data():
    windows = {"train": (2, 16), "validation": [(2, 16)], "test": [(2, 16), (17, 30)]}
    return fwp.make_dataset("parity", **windows, counts=(300, 40, 40))


def model(data, seed=0, **settings):
    return fwp.build_model("elstm", data, **{"hidden": 8, "seed": seed} | settings)


def test_importing_the_package_costs_nothing():
    heavy = "{'torch', 'pandas', 'numpy'}"
    code = f"import sys, fwp; assert 'train' in dir(fwp); print(len({heavy} & {{*sys.modules}}))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0\n"


def test_every_name_is_there_and_no_other():
    assert {name: getattr(fwp, name) for name in api.__all__}
    assert set(api.__all__) <= set(dir(fwp))
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = fwp.trian


def test_one_model_is_trained_and_measured(data):
    net = model(data)
    run = fwp.train(net, data, epochs=3, learning_rate=0.02)
    assert run.epochs == 3 and run.status == "budget"
    frame = fwp.evaluate(net, data)
    assert list(frame["bin"][frame["length"].isna()]) == ["2-16", "17-30"]
    assert frame["sequence_accuracy"].between(0, 1).all() and "model" not in frame


def test_several_models_are_one_pack(data):
    nets = [model(data, seed) for seed in (0, 1)]
    runs = fwp.train(nets, data, epochs=2)
    assert [run.seed for run in runs] == [0, 1]
    frame = fwp.evaluate(nets, data)
    alone = fwp.evaluate(nets[1], data)
    assert np.allclose(frame[frame["model"] == 1]["position_accuracy"], alone["position_accuracy"])


def test_the_seed_decides_the_weights(data):
    first, again, other = model(data, 3), model(data, 3), model(data, 4)
    assert torch.equal(first.embedding.weight, again.embedding.weight)
    assert not torch.equal(first.embedding.weight, other.embedding.weight)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: fwp.build_model("elstn", d), "did you mean 'elstm'"),
        (lambda d: fwp.build_model("deltanet", d, haeds=4), "haeds.*did you mean 'heads'"),
        (lambda d: fwp.build_model("deltanet", d, heads="four"), "heads.*must be an integer"),
        (lambda d: fwp.build_model("elstm", d, hidden=0), "hidden"),
        (lambda d: fwp.train(model(d), d, epoch=4), "epoch.*did you mean 'epochs'"),
    ],
)
def test_mistakes_are_named(data, make, message):
    with pytest.raises(ValueError, match=message):
        make(data)


def test_a_class_is_tried():
    found = fwp.check("deltanet", heads=2)
    assert {f.verdict for f in found} == {"ok", "is so"}
    assert str(found[0]).split() == ["ok", "shapes"]


def test_results_are_frames(tmp_path):
    cells = synthetic.write_grid(tmp_path / "cells")
    write_results(collect_results(cells), tmp_path / "tables")
    synthetic.seal_tables(tmp_path / "tables")
    for folder in (tmp_path, tmp_path / "tables"):
        found = fwp.load_results(folder)
        assert {"accuracy", "history", "runs"} <= set(found._fields) and len(found.runs)


def test_an_experiment_and_a_dataset_are_loaded(data, tmp_path):
    assert "srwm" in fwp.load_experiment("config.yaml").models
    save_dataset(data, tmp_path / "data.npz")
    assert fwp.load_dataset(tmp_path / "data.npz").hash == data.hash


def test_training_takes_one_thread_and_leaves_the_number_as_it_was(data, monkeypatch):
    taken = []
    monkeypatch.setattr("fwp.training.train.train", lambda *_, **__: taken.append(threads()))
    monkeypatch.setattr(
        "fwp.training.evaluate.evaluate", lambda *_, **__: taken.append(threads()) or [[]]
    )
    threads = torch.get_num_threads
    torch.set_num_threads(2)
    for own in ({}, {"threads": None}):
        with pytest.raises((TypeError, KeyError)):
            fwp.train(model(data), data, **own)
        with pytest.raises((TypeError, KeyError)):
            fwp.evaluate(model(data), data, **own)
        assert threads() == 2
    assert taken == [1, 1, 2, 2]
