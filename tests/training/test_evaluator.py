import numpy as np
import pytest
import tiny
import torch

from fwp import mixers
from fwp.datasets.dataset import Split
from fwp.models.pack import Pack
from fwp.training import evaluator
from fwp.training.batches import pad
from fwp.training.evaluate import evaluate
from fwp.training.evaluator import Evaluator


@pytest.fixture(scope="module")
def data():
    bins = [[2, 12], [13, 40], [200, 300]]
    return tiny.draw(test={"bins": bins, "count": 30})


def net(data, mixer="deltanet"):
    return tiny.net(data, mixer, hidden=8, feed_forward=1, dtype="float64")


class Oracle(torch.nn.Module):
    """Knows the parity of every prefix, but errs at the position `wrong_at`."""

    def __init__(self, wrong_at=None):
        super().__init__()
        self.wrong_at = wrong_at

    def forward(self, tokens, state=None):
        ones, seen = (0, 0) if state is None else state
        total = ones + tokens.cumsum(1)
        even = (total % 2 == 0).long()
        if self.wrong_at is not None and seen <= self.wrong_at < seen + tokens.shape[1]:
            even[:, self.wrong_at - seen] = 1 - even[:, self.wrong_at - seen]
        logits = torch.nn.functional.one_hot(even, 2).double()
        return logits, (total[:, -1:], seen + tokens.shape[1])


@pytest.mark.parametrize("mixer", mixers.names())
def test_pieces_and_batches_do_not_matter(data, mixer, monkeypatch):
    model = net(data, mixer)
    split = data.test[1]
    expected = []
    for i in range(len(split)):
        tokens, targets = (torch.from_numpy(a).long() for a in pad(split, np.array([i])))
        expected.append(int((model(tokens)[0].argmax(-1) != targets).sum()))
    monkeypatch.setattr(evaluator, "STEPS", 7)
    monkeypatch.setattr(evaluator, "PIECE", {"cpu": 35})
    assert Evaluator(split).errors_per_string(model).tolist() == expected


def test_an_oracle_makes_no_mistakes(data):
    for split in data.test:
        assert not Evaluator(split).errors_per_string(Oracle()).any()


@pytest.mark.parametrize("wrong_at", [0, 5, 150])
def test_one_mistake_spoils_the_string_but_not_its_other_positions(data, wrong_at):
    for split in data.test:
        expected = (split.lengths > wrong_at).astype(int)
        assert Evaluator(split).errors_per_string(Oracle(wrong_at)).tolist() == expected.tolist()


def test_logits_that_are_not_numbers_are_wrong(data):
    class Broken(Oracle):
        def forward(self, tokens, state=None):
            logits, state = super().forward(tokens, state)
            return logits * torch.nan, state

    split = data.test[0]
    assert Evaluator(split).errors_per_string(Broken()).tolist() == split.lengths.tolist()


def split_of(*strings, marks=()):
    """Strings with the parity of each prefix; those at `marks` with another at the end."""
    targets = [np.cumsum(list(map(int, s))) % 2 == 0 for s in strings]
    for i in marks:
        targets[i][-1] ^= True
    return Split(
        name="test 1-99",
        bin="1-99",
        tokens=np.array([*map(int, "".join(strings))], dtype=np.uint8),
        targets=np.concatenate(targets).astype(np.int16),
        offsets=np.cumsum([0, *map(len, strings)]),
    )


@pytest.mark.parametrize("model", [Oracle(wrong_at=2), "Prefix"])
def test_a_string_that_another_begins_with_is_read_as_part_of_it(model, monkeypatch):
    model = Prefix() if model == "Prefix" else model
    monkeypatch.setattr(evaluator, "STEPS", 2 if isinstance(model, Oracle) else 4)
    split = split_of("1", "101101", "10", "0", "1011", "10", "110", "1011", marks=[7])
    read = []

    def watched(tokens, state=None):
        read.append(tokens)
        return model(tokens, state)

    wrong_at_2 = [0, 1, 0, 0, 1, 0, 1, 2] if isinstance(model, Oracle) else [0] * 7 + [1]
    measured = Evaluator(split)
    assert measured.errors_per_string(watched).tolist() == wrong_at_2
    strings = [len(batch.tokens) for batch in measured.batches]
    assert sum(strings) == 4  # 101101, 0, 110, and 1011 with another target


# Mixers that keep no state, or a wrong one ------------------------------------------------------


class Prefix(torch.nn.Module):
    """Knows the parity, but only within the piece that it is given; has no state."""

    def forward(self, tokens, state=None):
        even = (tokens.cumsum(1) % 2 == 0).long()
        return torch.nn.functional.one_hot(even, 2).double(), None


def test_strings_are_read_whole_where_there_is_no_state(data):
    for split in data.test:
        assert not Evaluator(split).errors_per_string(Prefix()).any()


def test_whole_strings_are_read_few_at_a_time(data, monkeypatch):
    sizes = []

    class Watched(Prefix):
        def forward(self, tokens, state=None):
            sizes.append(tuple(tokens.shape))
            return super().forward(tokens, state)

    monkeypatch.setattr(evaluator, "PAIRS", {"cpu": 300_000})
    split = data.test[2]
    assert not Evaluator(split).errors_per_string(Watched()).any()
    whole = [(rows, time) for rows, time in sizes if time > evaluator.STEPS]
    assert sum(rows for rows, _ in whole) == len(split)
    assert all(rows * time**2 <= 300_000 for rows, time in whole)


@pytest.fixture
def pair(data):
    """The same net with its state, and without."""
    nets = [tiny.net(data, f"own_mixers:{name}", hidden=8, seed=1) for name in ("GRU", "Whole")]
    nets[1].load_state_dict(nets[0].state_dict())
    return nets


def test_the_same_net_with_and_without_a_state_is_measured_alike(data, pair):
    with_state, without = (evaluate([net], data) for net in pair)
    assert with_state == without


@pytest.mark.filterwarnings("ignore:torch.vmap cannot compute these models as one")
@pytest.mark.parametrize("mixer", ["Whole", "Attention"])
def test_packs_without_a_state_are_read_whole(data, mixer):
    nets = [tiny.net(data, f"own_mixers:{mixer}", hidden=8, seed=seed) for seed in (0, 1)]
    split = data.test[2]
    together = Evaluator(split, models=2).errors_per_string(Pack(nets))
    for own, model in zip(together, nets, strict=True):
        assert torch.equal(own, Evaluator(split).errors_per_string(Pack([model]))[0])


def test_the_state_of_a_pack_may_be_none(data):
    nets = [
        tiny.net(data, "own_mixers:Attention", hidden=8, layers=2, seed=seed) for seed in (0, 1)
    ]
    pack = Pack(nets)  # a warning would be an error: it is one program
    logits, state = pack(torch.zeros(2, 5, dtype=torch.int64))
    assert state == [None, None]
    again, _ = pack(torch.zeros(2, 5, dtype=torch.int64), state)
    assert torch.equal(again, logits)


def test_rows_of_an_evaluation(data):
    (rows,) = evaluate([Oracle(wrong_at=20)], data)
    bins = {row["bin"]: row for row in rows if row["length"] is None}
    assert list(bins) == ["2-12", "13-40", "200-300"]
    assert bins["2-12"]["sequence_accuracy"] == 1
    assert bins["200-300"]["sequence_accuracy"] == 0
    long = data.test[2].lengths
    assert bins["200-300"]["position_accuracy"] == pytest.approx(1 - len(long) / long.sum())
    lengths = [row for row in rows if row["bin"] == "13-40" and row["length"] is not None]
    assert sum(row["strings"] for row in lengths) == bins["13-40"]["strings"] == 30
    for row in lengths:
        assert row["sequence_accuracy"] == (row["length"] <= 20)
