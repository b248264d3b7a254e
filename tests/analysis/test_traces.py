"""Following states along strings, against reading them symbol by symbol."""

import csv
from itertools import pairwise

import handbuilt
import numpy as np
import pytest
import torch
from tiny import cell as cell_of
from tiny import model as settings_of

from fwp import mixers
from fwp.analysis import traces
from fwp.datasets.dataset import save_dataset
from fwp.datasets.made import make_dataset
from fwp.models.sequence_model import SequenceModel, build_model
from fwp.models.weights import write_weights

DATA = make_dataset(
    "parity", train=(2, 5), validation=[(2, 5)], test=[(6, 20), (150, 300)], counts=(9, 3, 8)
)


def model(mixer, layers=1):
    torch.manual_seed(0)
    settings = settings_of(mixer, hidden=8, layers=layers, feed_forward=1)
    return SequenceModel(2, 2, settings).requires_grad_(False)


def test_checkpoints_are_evenly_spread():
    points = traces.checkpoints(1000)
    assert points[:4] == [1, 2, 3, 4] and points[-1] == 1000 and len(points) < 45
    assert traces.checkpoints(1) == [1]
    ratios = np.divide(points[11:], points[10:-1])
    assert ratios.max() < 1.25


@pytest.mark.parametrize("mixer", ["lstm", "deltanet", "recurrent_delta", "srwm", "transformer"])
def test_states_are_those_of_reading_symbol_by_symbol(mixer):
    net, split = model(mixer, layers=2), DATA.test[0]
    states, _ = traces.trace(net, split, strings=1)
    longest = int(np.argmax(split.lengths))
    begin, end = split.offsets[longest : longest + 2]
    tokens = torch.from_numpy(split.tokens[begin:end]).long()[None]
    state, expected = None, {}
    for position in range(1, tokens.shape[1] + 1):
        before = state
        _, state = net(tokens[:, position - 1 : position], state)
        for layer, parts in enumerate(state):
            for i, part in enumerate(parts):
                last = None if before is None else before[layer][i]
                expected[position, layer, i] = (part[0], None if last is None else last[0])
    keys = [(row["position"], row["layer"], row["component"]) for row in states]
    points = traces.checkpoints(tokens.shape[1])
    assert keys == [key for key in expected if key[0] in points]
    for key, row in zip(keys, states, strict=True):
        now, last = expected[key]
        assert row["norm"] == pytest.approx(float(now.norm()), rel=1e-4, abs=1e-6)
        if mixer == "transformer" and key[0] > 1:
            assert np.isnan(row["step"])  # the cache has grown
        elif last is not None:
            step = float((now - last).norm())
            assert row["step"] == pytest.approx(step, rel=1e-3, abs=1e-5)


def test_distance_is_from_the_initial_state():
    net = model("srwm")
    states, _ = traces.trace(net, DATA.test[0], strings=3)
    for row in states:
        start = net.blocks[0].mixer.initial_state()[row["component"]]
        assert row["start"] == pytest.approx(float(start.norm()), rel=1e-5)
        assert row["distance"] < row["norm"] + row["start"]
    assert all(row["distance"] > 0 for row in states)
    states, _ = traces.trace(model("deltanet"), DATA.test[0], strings=3)
    assert all(row["start"] == 0 and row["distance"] == row["norm"] for row in states)


@pytest.mark.parametrize("mixer", [name for name in mixers.names() if name != "transformer"])
def test_the_state_stays_as_large_whatever_the_length(mixer):
    states, _ = traces.trace(model(mixer), DATA.test[1], strings=2)
    assert len({row["state_bytes"] for row in states}) == 1
    assert all(row["process_bytes"] > 1e6 for row in states)


def test_no_piece_is_longer_than_allowed(monkeypatch):
    net, read = model("deltanet"), []
    forward = net.forward
    monkeypatch.setattr(
        net, "forward", lambda tokens, state: read.append(tokens.shape[1]) or forward(tokens, state)
    )
    traces.trace(net, DATA.test[1], strings=2)
    assert max(read) <= traces.PIECE and sum(read) == DATA.test[1].lengths.max()


def test_positions_are_all_counted_once_and_right():
    split = DATA.test[1]
    _, positions = traces.trace(handbuilt.lstm(), split, strings=5)
    assert positions[0]["first"] == 1
    for one, other in pairwise(positions):
        assert other["first"] == one["last"] + 1
    lengths = np.sort(split.lengths)[-5:]
    assert positions[-1]["last"] == lengths[-1]
    assert sum(row["symbols"] for row in positions) == lengths.sum()
    assert all(row["accuracy"] == 1 for row in positions)


def test_wrong_positions_are_found_where_they_are():
    net = handbuilt.lstm()
    net.readout.bias.zero_()
    net.readout.weight.zero_()
    net.readout.bias[1] = 1.0  # says even everywhere
    split = DATA.test[0]
    _, positions = traces.trace(net, split, strings=len(split))
    wrong = sum(round(row["symbols"] * (1 - row["accuracy"])) for row in positions)
    assert wrong == int((split.targets == 0).sum())


def test_a_cell_is_traced_seed_by_seed(tmp_path):
    save_dataset(DATA, tmp_path / "test.npz")
    cell = cell_of("deltanet").trained
    weights = {
        seed: build_model(cell.model, DATA, seed=seed, dtype=cell.dtype).state_dict()
        for seed in (0, 1)
    }
    write_weights(tmp_path / "w.safetensors", weights)
    files = {"states": tmp_path / "s.csv", "positions": tmp_path / "p.csv"}
    traces.trace_cell(
        cell, seeds=[0, 1], strings=2, dataset=tmp_path / "test.npz",
        weights=tmp_path / "w.safetensors", device="cpu", **files,
    )  # fmt: skip
    for path, columns in zip(files.values(), (traces.STATES, traces.POSITIONS), strict=True):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0]) == columns
        assert {(row["task"], row["model"], row["seed"]) for row in rows} == {
            ("parity", "net", "0"),
            ("parity", "net", "1"),
        }
