"""Which cells of two experiments differ, and whether seeds explain it."""

import math

import numpy as np
import pandas as pd
import pytest
import synthetic

from fwp.results.comparison import compare, measurements

KEYS = ["task", "model", "bin"]


def frame(bin="2-50", **models):
    """Measurements: per model the accuracies of seeds 0, 1, …, or a dict seed → accuracy."""
    rows = [
        ("p", model, seed, "budget", bin, None, value)
        for model, values in models.items()
        for seed, value in (values if isinstance(values, dict) else dict(enumerate(values))).items()
    ]
    return measurements(synthetic.table(*rows))


def verdicts(a, b, **more):
    found = compare(a, b, **more)
    return dict(zip(found["model"], found["verdict"], strict=True))


def test_equal_seeds_are_equal_and_take_no_part_in_the_correction():
    far, near = [0.1, 0.2, 0.1, 0.3, 0.2], [0.9, 0.8, 0.9, 1.0, 0.7]
    same = {f"same_{i}": [i / 50] * 5 for i in range(40)}
    found = compare(frame(net=far, **same), frame(net=near, **same))
    row = found.iloc[0]
    assert row["verdict"] == "differs" and row["p_corrected"] == row["p"] == pytest.approx(2 / 252)
    assert row["difference"] == pytest.approx(0.68) and (row["a_seeds"], row["shared"]) == (5, 5)
    assert set(found["verdict"][1:]) == {"equal"} and set(found["test"][1:]) == {"none"}


def test_a_difference_that_seeds_explain_is_none():
    assert verdicts(frame(net=[0.1, 0.9, 0.4, 0.6, 0.8]), frame(net=[0.2, 0.8, 0.7, 0.9, 0.5])) == {
        "net": "no difference shown"
    }


def test_many_cells_are_corrected_for():
    rng = np.random.default_rng(0)
    a, b = ({f"net_{i}": rng.random(5) for i in range(60)} for _ in range(2))
    a["far"], b["far"] = [0.1, 0.2, 0.1, 0.3, 0.2], [0.9, 0.8, 0.9, 1.0, 0.7]
    found = compare(frame(**a), frame(**b))
    assert (found["p"] <= 0.05).sum() > 1
    assert set(found["verdict"]) == {"no difference shown"}


def test_too_few_seeds_are_said_to_be_too_few():
    assert verdicts(frame(net=[0, 0, 0]), frame(net=[1, 1, 1])) == {"net": "too few seeds"}
    assert verdicts(frame(net=[0]), frame(net=[1])) == {"net": "too few seeds"}


def test_shared_seeds_decide_whether_a_cell_is_equal():
    first = frame(net=[0.1, 0.5])
    assert verdicts(first, frame(net=[0.1, 0.5, 0.9])) == {"net": "equal"}
    assert verdicts(first, frame(net={7: 0.1, 8: 0.5})) == {"net": "too few seeds"}
    ones = dict.fromkeys(range(10, 15), 1.0)
    assert verdicts(frame(net=[1.0] * 5), frame(net=ones)) == {"net": "equal"}


def test_eight_shared_seeds_with_the_same_data_are_pairs():
    rng = np.random.default_rng(1)
    base = rng.random(8)
    a, b = frame(net=base), frame(net=base + 0.01)
    assert verdicts(a, b) == {"net": "no difference shown"}
    found = compare(a, b, same_data=[("p", "net")])
    assert found["test"][0] == "paired" and found["p"][0] == pytest.approx(2 / 2**8)
    assert found["verdict"][0] == "differs"
    more = frame(net=[*(base + 0.01), 0.3])  # the shared ones are compared
    assert compare(a, more, same_data=[("p", "net")])["p"][0] == pytest.approx(2 / 2**8)
    few = compare(frame(net=base[:5]), frame(net=base[:5] + 0.01), same_data=[("p", "net")])
    assert few["test"][0] == "unpaired"


def test_a_diverged_run_has_nothing_right():
    found = compare(frame(net=[None, 1.0]), frame(net=[1.0, 1.0]))
    assert found["a"][0] == 0.5


def test_cells_that_one_has_alone_are_left_out():
    assert verdicts(frame(net=[1.0], other=[1.0]), frame(net=[1.0])) == {"net": "equal"}


def texts(nats):
    rows = [("book", "net", seed, 1, 64, loss) for seed, loss in enumerate(nats)]
    columns = ["task", "model", "seed", "first", "last", "nats"]
    return measurements(synthetic.table(), pd.DataFrame(rows, columns=columns))


def test_a_text_run_that_diverged_is_the_worst_of_its_cell():
    lost = [1.1, 1.2, math.nan, 1.3, 1.4]
    assert compare(texts(lost), texts(lost))["verdict"].tolist() == ["equal"]
    (row,) = compare(texts(lost), texts([1.1, 1.2, 1.25, 1.3, 1.4])).to_dict("records")
    assert row["verdict"] == "no difference shown" and 0.5 < row["p"] < 1
    assert math.isnan(row["a"]) and row["b"] == pytest.approx(1.25)
    (row,) = compare(texts(lost), texts([0.1, 0.2, 0.3, 0.4, 0.5])).to_dict("records")
    assert row["verdict"] == "differs" and row["p"] == pytest.approx(2 / 252)


def test_results_without_a_run_have_nothing_to_compare():
    nothing = measurements(synthetic.table())
    assert compare(nothing, nothing).empty
