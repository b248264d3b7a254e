from dataclasses import replace

import pandas as pd
import pytest
from tiny import cell as cell_of
from tiny import model as settings_of

from fwp import mixers
from fwp import ops as fwp_ops
from fwp.benchmarks import ops, peers, report, steps, workload
from fwp.experiment.cell import Cell


def cell(mixer: str) -> Cell:
    model = settings_of(mixer, name=mixer, hidden=8, feed_forward=2)
    return replace(cell_of(batch_size=4), model=model)


@pytest.fixture(scope="module")
def rows():
    return list(steps.measure([cell(name) for name in mixers.names()], lengths=[6], budget=0.0))


def test_every_model_is_timed(rows):
    assert {row["model"] for row in rows} == set(mixers.names())
    assert all(row["seconds"] > 0 and row["floor_seconds"] > 0 for row in rows)


def test_models_with_an_op_of_ours_are_timed_with_its_reference_too(rows):
    both = {row["model"] for row in rows if row["implementation"] == "loops"}
    assert both == set(mixers.names()) - {"transformer"}


def test_operations_are_those_of_the_products():
    # e-LSTM, 8 wide: 8→16, 16→8, and 8→2 to read out; forward, and backward to weights and inputs.
    products = 3 * (8 * 16 + 16 * 8 + 8 * 2)
    assert workload.operations(cell("elstm"), 6) == 2 * 6 * products


def test_an_alphabet_is_embedded_and_predicted():
    few, many = (steps.measure([cell("elstm")], lengths=[6], symbols=n, budget=0) for n in (2, 5))
    few, many = next(few), next(many)
    assert many["parameters"] - few["parameters"] == 3 * 8 + 3 * (8 + 1)
    added = workload.operations(cell("elstm"), 6, 5) - workload.operations(cell("elstm"), 6)
    assert added == 2 * 6 * 3 * 8 * 3
    assert many["symbols"] == 5


def test_sizes_are_combined_and_the_floor_grows_with_the_batch():
    sizes = {"lengths": [3, 4], "batches": [4, 8], "packs": [1, 2]}
    found = list(steps.measure([cell("elstm")], **sizes, budget=0.0))
    ours = [row for row in found if row["implementation"] == "fwp"]
    assert len(ours) == 8 and all(row["pack"] == 1 for row in found if row not in ours)
    floors = {row["batch"]: row["floor_seconds"] for row in ours if row["length"] == 3}
    assert floors[8] == 2 * floors[4]


def test_peers_stand_beside_ours_and_are_counted_per_seed(monkeypatch):
    def asked(cell, sizes, device, budget, patience):
        yield {**sizes[-1], "way": "scan", "seconds": 6.0}
        yield {**sizes[0], "note": f"more than {patience} s"}

    monkeypatch.setitem(peers.STEPS, "jax", asked)
    sizes = {"lengths": [3], "packs": [1, 2]}
    found = list(steps.measure([cell("elstm")], **sizes, others=["jax"], budget=0.0, patience=7))
    timed, missing = [row for row in found if row["implementation"] == "jax"]
    assert timed["seconds"] == 3.0 and timed["pack"] == 2
    assert missing["seconds"] is None
    text = report.markdown(None, pd.DataFrame(found), "a machine")
    assert "3e+03" in text
    assert "Left out: JAX (more than 7 s): e-LSTM." in text


def test_report(rows):
    timed = ops.measure(["delta_rule", "elementwise_lstm"], sizes=[4], times=[3, 5], budget=0.0)
    timed = pd.DataFrame(timed)
    text = report.markdown(timed, pd.DataFrame(rows), "a machine")
    text = " ".join(text.split())
    assert "| LSTM | 1 | 4 | 6 |" in text
    assert "| delta_rule | 4 | 3 |" in text
    page = report.figure(timed, size=4)
    assert [axis.get_title() for axis in page.axes] == ["delta rule", "elementwise lstm"]


def test_every_backend_has_a_line_in_the_figure():
    names = fwp_ops.names()
    assert {backend for name in names for backend in fwp_ops.get(name).backends} <= {*report.LINES}
