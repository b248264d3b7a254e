"""Which wrong strings an evaluation keeps, and what it says of them."""

import numpy as np
import pytest
import tiny
import torch

from fwp.datasets.dataset import save_dataset
from fwp.models.pack import Pack
from fwp.results.mistakes import read_mistakes
from fwp.results.record import read_record
from fwp.training import mistakes
from fwp.training.evaluate import evaluate_cell
from fwp.training.evaluation.strings import measure
from fwp.training.train import train_cell


@pytest.fixture(scope="module")
def data():
    return tiny.draw(test={"bins": [[2, 12], [13, 40], [230, 300]], "count": 30})


class Oracle(torch.nn.Module):
    """Knows the parity of every prefix, but errs at some positions."""

    def __init__(self, *wrong_at, keeps_state=True, broken_at=None):
        super().__init__()
        self.wrong_at, self.keeps_state, self.broken_at = wrong_at, keeps_state, broken_at
        self.read = []

    def forward(self, tokens, state=None):
        self.read.append(tuple(tokens.shape))
        ones, seen = (0, 0) if state is None else state
        total = ones + tokens.cumsum(1)
        even = (total % 2 == 0).long()
        for place in self.wrong_at:
            if seen <= place < seen + tokens.shape[1]:
                even[:, place - seen] = 1 - even[:, place - seen]
        logits = torch.nn.functional.one_hot(even, 2).double()
        if self.broken_at is not None and seen <= self.broken_at < seen + tokens.shape[1]:
            logits[:, self.broken_at - seen] = torch.nan
        state = (total[:, -1:], seen + tokens.shape[1]) if self.keeps_state else None
        return logits, state


def found(model, data):
    _, facts = measure(Pack([model]), data, "cpu")
    return facts["mistakes"][0]


def test_a_model_without_mistakes_has_none(data):
    assert found(Oracle(), data) == []


@pytest.mark.parametrize("keeps_state", [True, False])
def test_the_shortest_wrong_strings_are_shown_around_the_first_mistake(data, keeps_state):
    rows = found(Oracle(150, 155, keeps_state=keeps_state), data)
    assert [row["bin"] for row in rows] == ["230-300"] * 3
    assert [row["length"] for row in rows] == sorted(data.test[2].lengths)[:3]
    for row in rows:
        assert (row["first"], row["start"]) == (150, 90)
        parts = [row[key] for key in ("string", "target", "predicted")]
        assert [len(part) for part in parts] == [120] * 3
        wrong = [i for i, (a, b) in enumerate(zip(*parts[1:], strict=True)) if a != b]
        assert wrong == [60, 65]
        whole = ["".join(text) for text in data.strings(data.test[2]) if len(text) == row["length"]]
        assert "".join(row["string"]) in [text[90:210] for text in whole]


def test_no_string_is_read_further_than_it_is_shown(data):
    model = Oracle(3)
    found(model, data)
    (last,) = model.read[-1:]
    assert last == (8, 128)  # of strings of up to 300 symbols


def test_every_bin_has_its_share(data):
    rows = found(Oracle(0), data)
    bins = [row["bin"] for row in rows]
    assert bins == ["2-12"] * 3 + ["13-40"] * 3 + ["230-300"] * 2
    assert len({(row["bin"], *row["string"]) for row in rows}) == 8
    assert all(row["start"] == 0 and row["first"] == 0 for row in rows)
    short = rows[0]
    assert len(short["predicted"]) == short["length"] == data.test[0].min_length
    assert set(short["target"]) | set(short["predicted"]) <= set(data.classes)


def test_the_end_of_a_string_is_shown_in_full(data):
    last = int(data.test[2].lengths.min()) - 1
    row = found(Oracle(last), data)[0]
    assert (row["first"], row["start"], len(row["string"])) == (last, last - 119, 120)


def test_what_is_not_a_number_is_said_to_be_none(data):
    row = found(Oracle(broken_at=5), data)[0]
    assert row["first"] == 5 and row["predicted"][5] == mistakes.NOT_FINITE


def test_positions_without_a_target_are_no_mistakes(data):
    wrong = [np.ones((1, len(split)), int) for split in data.test]
    without = tiny.draw(test={"bins": [[2, 12], [13, 40], [230, 300]], "count": 30})
    for split in without.test:
        split.targets[split.offsets[:-1]] = -100
    assert mistakes.examples(Pack([Oracle(0)]), without, wrong, "cpu") == [[]]
    rows = mistakes.examples(Pack([Oracle(0, 1)]), without, wrong, "cpu")[0]
    assert rows and all(row["first"] == 1 and row["target"][0] is None for row in rows)


def test_models_of_a_pack_have_the_mistakes_that_each_has_alone(data):
    nets = [tiny.net(data, "deltanet", hidden=8, seed=seed, dtype="float64") for seed in (0, 1)]
    alone = [found(net, data) for net in nets]
    _, facts = measure(Pack(nets), data, "cpu")
    assert facts["mistakes"] == alone and alone[0] != alone[1]


def test_a_cell_keeps_them_by_seed(tmp_path):
    data = tiny.draw()
    save_dataset(data, tmp_path / "data.npz")
    cell, folder = tiny.cell(epochs=2, batch_size=16, learning_rate=0.03), tmp_path / "cell"
    files = {"weights": "model.safetensors", "history": "history.csv", "record": "cell.json"}
    files = {kind: folder / name for kind, name in files.items()}
    train_cell(cell, [3, 8], dataset=tmp_path / "data.npz", **files, device="cpu")
    runs = read_record(folder / "cell.json")["runs"]
    evaluate_cell(
        cell.trained,
        runs=runs,
        dataset=tmp_path / "data.npz",
        weights=folder / "model.safetensors",
        output=folder / "accuracy.csv",
        record=folder / "evaluation.json",
        device="cpu",
        pack=1,
    )
    kept = read_mistakes(folder)
    assert list(kept) == [3, 8]
    assert kept[3] != kept[8]
    for rows in kept.values():
        assert 0 < len(rows) <= 8
        for row in rows:
            i = row["first"] - row["start"]
            assert row["target"][i] != row["predicted"][i]
            assert row["target"][:i] == row["predicted"][:i]
