import numpy as np
import pandas as pd
import pytest
import synthetic

from fwp.results import training_cost
from fwp.results.collect import collect_results


def rows(*cases, model="m"):
    """Cases are (epochs, solved)."""
    frame = pd.DataFrame(cases, columns=["epochs", "solved"])
    return frame.assign(
        task="p", model=model, seed=range(len(frame)), strings=frame["epochs"] * 10, seconds=1.5
    )


def test_the_curve_is_kaplan_and_meiers():
    # The treated patients of Freireich et al. 1963, the textbooks' example; 9 of 21 events.
    times = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    events = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = training_cost.solved_shares(rows(*zip(times, map(bool, events), strict=True)))
    found = curve.groupby("epochs")["solved"].max()
    for time, alive in [(6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538)]:
        assert 1 - found[time] == pytest.approx(alive, abs=5e-4)
    assert 1 - found[35] == pytest.approx(0.448, abs=5e-4)


def test_seeds_that_never_get_there_leave_the_curve_below():
    curve = training_cost.solved_shares(rows((2, True), (4, True), (10, False), (10, False)))
    assert curve["epochs"].tolist() == [0, 2, 4, 10]
    assert curve["solved"].tolist() == pytest.approx([0, 0.25, 0.5, 0.5])
    nothing = training_cost.solved_shares(rows((10, False), (10, False)))
    assert nothing["solved"].tolist() == [0, 0] and nothing["epochs"].tolist() == [0, 10]


def test_medians_are_of_all_seeds():
    table = training_cost.medians(rows((2, True), (4, True), (10, False)))
    assert table[["seeds", "solved", "epochs", "strings"]].iloc[0].tolist() == [3, 2, 4, 40]
    never = training_cost.medians(rows((2, True), (9, False), (10, False)))
    assert never["epochs"].tolist() == [np.inf]


def test_runs_are_as_long_as_their_history(tmp_path):
    cells = [
        synthetic.write_cell(tmp_path, "parity", "lstm", [0, 1, 2], diverged=(1,)),
        synthetic.write_cell(tmp_path, "parity", "deltanet", [0]),
    ]
    found = collect_results(cells)
    spent = training_cost.cost_per_run(found.history, found.runs).set_index(["model", "seed"])
    runs = found.runs.set_index(["model", "seed"])
    assert spent.loc[("lstm", 0), "epochs"] == runs.loc[("lstm", 0), "epochs"]
    assert spent.loc[("lstm", 1), "epochs"] == spent.loc["lstm", "epochs"].max()
    assert not spent.loc[("lstm", 1), "solved"]
    assert spent.loc[("deltanet", 0), ["solved", "epochs"]].tolist() == [False, 40]
