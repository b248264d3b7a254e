"""How states come apart, on models whose states are known, and what is foretold from that."""

import json

import handbuilt
import numpy as np
import pandas as pd
import pytest
import torch
from tiny import cell as cell_of
from tiny import model as settings_of

from fwp import languages
from fwp.analysis import error_control, movement, reading
from fwp.analysis.affine import is_affine, lasting_parts
from fwp.analysis.control import control_cell
from fwp.datasets.dataset import save_dataset
from fwp.datasets.made import make_dataset
from fwp.languages import _machine
from fwp.models.sequence_model import SequenceModel, build_model
from fwp.models.weights import write_weights
from fwp.report.figures import error_control as figures
from fwp.report.tables import error_control as tables
from fwp.results import horizon

pytest.importorskip("aalpy")
DATA = make_dataset(
    "parity", train=(2, 20), validation=[(2, 5)], test=[(90, 100)], counts=(9, 3, 24)
)
SPLIT = DATA.test[0]
MACHINE = _machine.of_language(languages.get("parity"))


class Drifting(torch.nn.Module):
    """States (±1, one sign per parity, plus a drift per symbol; what nobody asks for)."""

    def __init__(self, drift, wrong_from=10**6):
        super().__init__()
        self.drift, self.wrong_from, self.blocks = drift, wrong_from, []

    def forward(self, tokens, state=None):
        """The state also counts the symbols and the ones."""
        ones, done = (0, 0) if state is None else (state[0][0][:, 2], int(state[0][0][0, 1]))
        ones = ones + (tokens == DATA.alphabet.index("1")).cumsum(1).T
        odd = ones.T % 2 == 1
        time = done + 1 + torch.arange(tokens.shape[1])
        right = torch.where(odd, DATA.classes.index("odd"), DATA.classes.index("even"))
        said = torch.where(time >= self.wrong_from, 1 - right, right)
        place = 1.0 - 2 * odd[:, -1] + self.drift * time[-1]
        last = torch.stack([place, time[-1].expand_as(place), ones[-1]], 1).double()
        return torch.nn.functional.one_hot(said, 2), [(last,)]


@pytest.fixture
def first_number_alone(monkeypatch):
    """Of the state of `Drifting`, which else counts."""
    monkeypatch.setattr(reading, "require_state", lambda *_: None)
    own = error_control._vectors
    monkeypatch.setattr(error_control, "_vectors", lambda *a: [v[:, :1] for v in own(*a)])


def follow(model, **changes):
    options = {"training": 20, "strings": 20} | changes
    return error_control.follow(model, SPLIT, MACHINE, DATA.alphabet, **options)


def test_windows_end_evenly_on_a_log_axis():
    found = reading.windows(1000)
    assert found[0] == range(1, 9) and found[-1] == range(993, 1001)
    ends = np.array([window[-1] for window in found])
    assert (ends[1:] / ends[:-1]).max() < 1.3 and len(found) < 32
    assert reading.windows(7) == []


def test_stops_give_the_states_of_reading_at_once():
    torch.manual_seed(0)
    model = SequenceModel(2, 2, settings_of("deltanet", hidden=8)).requires_grad_(False)
    tokens = torch.randint(2, (3, 300))
    said = []
    for stop, state, logits in reading.read(model, tokens, [1, 9, 299, 300]):
        expected, last = model(tokens[:, :stop])
        torch.testing.assert_close(state[0][0], last[0][0], rtol=1e-3, atol=1e-4)
        said.append(logits.argmax(-1))
    assert (np.concatenate(said, 1) == expected.argmax(-1).numpy()).mean() > 0.99


@pytest.mark.parametrize(
    ("mixer", "affine"),
    [
        *[("deltanet", True), ("mlstm", True), ("lru", True), ("deltaproduct", True)],
        *[("lstm", False), ("recurrent_delta", False), ("srwm", False), ("transformer", None)],
    ],
)
def test_affine_recurrences_are_told_from_others(mixer, affine):
    torch.manual_seed(0)
    assert is_affine(SequenceModel(2, 2, settings_of(mixer, hidden=8))) is affine


@pytest.mark.parametrize(
    ("mixer", "options", "parts"),
    [
        *[("deltanet", {}, [0]), ("lstm", {}, [0, 1]), ("srwm", {"heads": 2}, [0, 1, 2, 3])],
        *[("deltaproduct", {}, [0]), ("selective_ssm", {}, [0]), ("transformer", {}, None)],
    ],
)
def test_a_window_of_last_symbols_does_not_last(mixer, options, parts):
    torch.manual_seed(0)
    model = SequenceModel(2, 2, settings_of(mixer, hidden=8, options=options))
    assert lasting_parts(model) == (parts if parts is None else [parts])


@pytest.mark.usefixtures("first_number_alone")
@pytest.mark.parametrize("drift", [0.0, 0.01])
def test_measures_are_those_of_a_known_drift(drift):
    rows, first = follow(Drifting(drift))
    assert first == [0] * 20
    lengths = np.sort(SPLIT.lengths)[-20:]
    known = np.repeat(np.arange(1, 21), 20)  # positions of the training lengths, all strings
    for row in rows:
        end = row["position"]
        places = [t for t in range(end - 7, end + 1) for n in lengths if n >= t]
        assert row["groups"] == 2 and row["separation"] == pytest.approx(2, abs=0.1)
        # Both groups drift alike: their means move from the middle of the training lengths.
        away = np.sqrt(np.mean((drift * (np.array(places) - known.mean())) ** 2)) / 2
        assert row["drift_u"] == pytest.approx(away, abs=0.02)
        assert row["drift"] == pytest.approx(row["drift_u"])
        assert row["q"] == pytest.approx(drift * np.std(places) / 2, abs=0.01)
        assert row["own"] == 1.0 and row["decay"] == pytest.approx(0, abs=0.05)
    assert [row["position"] for row in rows] == [window[-1] for window in reading.windows(100)]


@pytest.mark.usefixtures("first_number_alone")
def test_first_errors_are_where_the_model_is_wrong():
    rows, first = follow(Drifting(0.0, wrong_from=37))
    assert first == [37] * 20
    # Logits are 1 and 0: the margin is 1, and -1 for a wrong class.
    assert {row["lost"] for row in rows if row["position"] < 37} == {0.0}
    assert {row["lost"] for row in rows if row["position"] > 45} == {2.0}


def test_the_margin_is_that_of_the_right_class():
    logits = np.array([[[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [1.0, 2.0, 2.5], [9.0, 0.0, 0.0]]])
    margins = error_control._margins(logits, np.array([[0, 2, 1, -1]]))
    np.testing.assert_allclose(margins, [[1.0, -4.0, -0.5, np.nan]])
    lost = error_control._lost(np.array([[2.0, 2.0, 2.0, 1.0, np.nan]]), range(4, 5), training=3)
    assert lost == pytest.approx(0.5)
    assert np.isnan(error_control._lost(np.full((1, 4), -1.0), range(1, 3), training=4))


def test_the_states_of_a_handbuilt_lstm_stay_apart():
    rows, first = follow(handbuilt.lstm())
    assert first == [0] * 20 and all(row["own"] == 1.0 and row["q"] < 0.5 for row in rows)
    untrained = SequenceModel(2, 2, settings_of("lstm", hidden=8)).requires_grad_(False)
    rows, first = follow(untrained)
    assert max(row["q"] for row in rows) > 0.5 and all(first)


def record(slope, errors, *, model="m", affine=True, seeds=1, start=0.0):
    ends = [window[-1] for window in reading.windows(1000)]
    measures = (*horizon.MEASURES, "spread", "separation", "own")
    return {
        "task": "parity", "model": model, "states": 2, "training": 20, "length": 1000,
        "seeds": [
            {
                "seed": seed, "status": "solved", "affine": affine, "first_errors": errors,
                "along": [
                    {"layer": 0, "position": t, "groups": 2}
                    | dict.fromkeys(measures, start + slope * t)
                    for t in ends
                ],
            }
            for seed in range(seeds)
        ],
    }  # fmt: skip


def test_failures_are_where_a_tenth_of_the_strings_is_wrong():
    assert horizon.failure([0] * 9 + [5]) is None
    assert horizon.failure([0] * 8 + [5, 70]) == 70
    assert horizon.failure([3] * 10) == 3


def test_lines_within_the_training_lengths_foretell_crossings():
    found = horizon.horizons([record(0.005, [120] * 10)])
    assert len(found) == 2 * len(horizon.MEASURES)
    half = found[(found["rule"] == "half") & ~found["measure"].isin(["decay", "lost"])]
    assert half["predicted"].between(99, 101).all() and (half["measured"] == 120).all()
    assert half["crossing"].between(100, 128).all()
    assert found.loc[found["rule"] == "others", "threshold"].isna().all()
    for slope in (0.0, -0.001, 1e-6):
        other = horizon.horizons([record(slope, [0] * 10, start=0.1)])
        assert other["predicted"].isna().all() and other["measured"].isna().all()
    assert (horizon.horizons([record(0.1, [30] * 10)])["predicted"].dropna() <= 20).all()


def test_a_threshold_from_other_seeds_leaves_out_the_one_that_is_judged():
    one = record(0.005, [100] * 10, seeds=3)
    one["seeds"][2]["first_errors"] = [900] * 10
    found = horizon.horizons([one])
    others = found[(found["rule"] == "others") & (found["measure"] == "q")].set_index("seed")
    assert others.loc[2, "threshold"] == pytest.approx(0.005 * 90, rel=0.1)
    assert others.loc[0, "threshold"] > 2 * others.loc[2, "threshold"]


def test_agreement_counts_what_is_foretold_and_seen():
    records = [record(0.5 / t, [t + 1] * 10, model=f"m{t}") for t in (60, 90, 200, 700)]
    records.append(record(0.0, [0] * 10, model="kept"))
    records.append(record(0.5, [4] * 10, model="never learnt"))
    found = horizon.agreement(horizon.horizons(records))
    row = found[(found["measure"] == "q") & (found["foretold"] == "predicted")].iloc[0]
    counts = [row[key] for key in ("seeds", "fail", "both", "neither", "within")]
    assert counts == [5, 4, 4, 1, 4]
    assert row["spearman"] == pytest.approx(1) and row["pearson"] > 0.99
    assert row["cells"] == 5 and row["across"] == pytest.approx(1)
    assert row["guess"] == 0  # a cell of one seed has no others


def test_a_guess_is_the_median_of_the_other_seeds():
    one = record(0.005, [100] * 10, seeds=4)
    for seed, at in zip(one["seeds"], (100, 110, 120, 900), strict=True):
        seed["first_errors"] = [at] * 10
    found = horizon.agreement(horizon.horizons([one]))
    row = found[(found["measure"] == "q") & (found["foretold"] == "predicted")].iloc[0]
    assert (row["both"], row["guess"]) == (4, 3)


def test_clusters_are_counted():
    draw = np.random.default_rng(0)
    blobs = np.concatenate([draw.normal(size=(40, 5)) * 0.05 + i for i in range(3)])
    assert movement.distinct(blobs)[0] == 3
    assert movement.distinct(draw.normal(size=(120, 20)))[0] == 1
    assert movement.distinct(np.ones((50, 4)))[0] == 1


def test_a_matrix_moves_from_its_trained_start():
    torch.manual_seed(0)
    options = {"heads": 2}
    model = SequenceModel(2, 2, settings_of("srwm", hidden=8, options=options))
    model.requires_grad_(False)
    rows, clusters = movement.movement(model, SPLIT, MACHINE, DATA.alphabet, training=20, strings=1)
    longest = int(np.argsort(-SPLIT.lengths, kind="stable")[0])
    begin = SPLIT.offsets[longest]
    tokens = torch.from_numpy(SPLIT.tokens[begin : begin + 16]).long()[None]
    start, (now,) = model.blocks[0].mixer.initial_state(), model(tokens)[1]
    for row in rows:
        if row["position"] == 16:
            before = start[row["part"]][row["head"]]
            moved = (now[row["part"]][0, row["head"]] - before).norm() / before.norm()
            assert row["moved"] == pytest.approx(float(moved), rel=1e-3)
    assert {row["head"] for row in rows} == {0, 1} and {row["part"] for row in rows} == {0, 1, 2, 3}
    assert [row["part"] for row in clusters] == ["0", "1", "2", "3", "rules", "all"]
    other = SequenceModel(2, 2, settings_of("deltanet", hidden=8))
    assert movement.movement(other, SPLIT, MACHINE, DATA.alphabet, training=20) == ([], [])


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """What is written of an SRWM and an LSTM, untrained."""
    folder = tmp_path_factory.mktemp("control")
    save_dataset(DATA, folder / "test.npz")
    found = []
    for mixer in ("srwm", "lstm"):
        cell = cell_of(mixer).trained
        weights = {0: build_model(cell.model, DATA, seed=0, dtype=cell.dtype).state_dict()}
        write_weights(folder / "w.safetensors", weights)
        control_cell(
            cell, runs=[{"seed": 0, "status": "solved"}], training=20, strings=20,
            dataset=folder / "test.npz", weights=folder / "w.safetensors", device="cpu",
            output=folder / "control.json",
        )  # fmt: skip
        found.append(json.loads((folder / "control.json").read_text(encoding="utf-8")))
        found[-1]["model"] = mixer
    return found


def test_a_cell_is_measured_seed_by_seed(records):
    srwm, lstm = records
    assert (srwm["states"], srwm["training"], srwm["length"]) == (2, 20, SPLIT.lengths.max())
    (seed,) = srwm["seeds"]
    assert seed["affine"] is False and seed["moved"] == seed["moved_untrained"]
    assert len(seed["first_errors"]) == 20 and lstm["seeds"][0]["moved"] == []


def test_the_chapter_and_the_figure_say_what_was_found(records, tmp_path):
    found = horizon.horizons([*records, record(0.005, [120] * 10, model="deltanet", seeds=3)])
    automata = pd.DataFrame(
        {"model": ["lstm"] * 3, "task": "parity", "status": ["solved", "solved", "budget"]}
        | {"same": pd.array([True, False, None], "boolean")}
    )
    shares = tables.same_automata(automata)
    assert shares["share"].tolist() == [0.5, 0.5] and shares["solved"].tolist() == [2, 2]
    moved, clusters = tables.moves(records), tables.clusters(records)
    assert set(moved["weights"]) == {"trained", "initial"}
    path = tmp_path / "why.md"
    tables.write_chapter(found, shares, moved, clusters, markdown=path)
    text = " ".join(path.read_text(encoding="utf-8").split())
    assert "| DeltaNet | Parity | yes | 3 | 3 | 3 | 120 (120–120) |" in text
    assert "| LSTM | all | 3 | 2 | 1 | 50.0 |" in text and "## How far the matrix moves" in text
    rows = figures.along([*records, record(0.005, [120] * 10, model="deltanet", seeds=3)])
    figure = figures.error_control(rows, found)
    assert len(figure.axes) == 6
    (scatter,) = figure.axes[2].collections
    assert scatter.get_offsets().shape == (3, 2)
