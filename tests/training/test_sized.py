"""Widths that a job solves from a size, by the symbols of its dataset."""

from dataclasses import replace

import tiny

from fwp.config.settings import ModelSettings
from fwp.datasets.dataset import save_dataset
from fwp.experiment.cell import Cell
from fwp.models.budget import size
from fwp.results.chosen import opened
from fwp.training.sized import sized


def test_open_widths_are_solved_and_others_stay(tmp_path, capsys):
    save_dataset(tiny.draw(), tmp_path / "train.npz")
    own = tiny.cell("deltanet")
    assert sized(own.as_dict(), tmp_path / "none.npz") == own.as_dict()
    model = replace(own.model, parameters=20_000, share=1.5)
    planned = opened(replace(own, model=model).as_dict(), ["hidden", "feed_forward"])
    found = Cell.from_dict(sized(planned, tmp_path / "train.npz"))
    assert found.model.hidden != own.model.hidden
    parameters = size(found.model, 2, 2).parameters
    assert 19_600 <= parameters <= 20_000 and 1 < found.model.feed_forward < 2
    assert f"{parameters:,} parameters, of at most 20,000" in capsys.readouterr().out
    assert ModelSettings.from_dict(found.model.as_dict()) == found.model
