"""Datasets of recognition: labels, halves, disjoint sets, streams, pairs, how negatives look."""

from collections import Counter
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

import fwp
from fwp import languages
from fwp.analysis.cell import CellResults
from fwp.datasets.dataset import load_dataset, save_dataset
from fwp.datasets.make import make_test, make_training
from fwp.datasets.recognition.build import build_recognition
from fwp.datasets.recognition.card import describe_recognition
from fwp.datasets.recognition.edits import propose, with_edits
from fwp.datasets.recognition.outside import Outside, complement
from fwp.datasets.recognition.task import recognition
from fwp.datasets.spec import BinnedStrings, DatasetSpec, TaskSettings, TrainStrings
from fwp.utils.bins import Bin

SMALL = {"train": (2, 12), "validation": [(2, 12)], "test": [(2, 12), (13, 20)]}
COUNTS = (300, 60, 60)


def make(language: str, strings: str = "edits", **given):
    return fwp.make_dataset(language, strings=strings, **SMALL, counts=COUNTS, **given)


def spec(task: TaskSettings | None = None, strings: str = "edits", **given) -> DatasetSpec:
    own = DatasetSpec(
        recognition(task or TaskSettings("mine", "parity", {}), strings),
        0,
        TrainStrings(2, 12, 300),
        BinnedStrings(((2, 12),), 60),
        BinnedStrings(((2, 12), (13, 20)), 60),
    )
    return replace(own, **given)


def labelled(data, split) -> dict[str, int]:
    return dict(
        zip(data.strings(split), split.targets[split.offsets[1:] - 1].tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "strings"),
    [
        *[("dyck_1", "edits"), ("reverse_string", "edits"), ("anbn", "edits")],
        *[("parity", "balanced"), ("tomita_4", "balanced"), ("aa_star", "balanced")],
        ("aa_star", "edits"),
    ],
)
def test_each_set_is_half_in_the_language_and_half_outside(name, strings):
    data, language = make(name, strings, pairs=True), languages.get(name)
    assert data.classes == ("no", "yes") and len(data.splits) == 6
    for split in data.splits.values():
        last = split.offsets[1:] - 1
        assert np.delete(split.targets, last).tolist() == [-100] * (len(split.targets) - len(last))
        assert split.targets[last].mean() == 0.5
        window = Bin.parse(split.bin.split()[0])
        for string, label in labelled(data, split).items():
            assert language.contains(string) == bool(label)
            assert window.holds(len(string))


@pytest.mark.parametrize("strings", ["edits", "balanced"])
def test_no_set_shares_a_string_and_none_has_one_twice(strings):
    data = make("tomita_4", strings, pairs=True)
    seen = {name: set(labelled(data, split)) for name, split in data.splits.items()}
    assert all(len(seen[name]) == len(split) for name, split in data.splits.items())
    assert len(data.train) == 300 and len(data.test[0]) == 60
    for test in data.test:
        assert not seen[test.name] & (seen["train"] | seen["validation 2-12"])
    assert not seen["train"] & seen["validation 2-12"]


@pytest.mark.parametrize("strings", ["edits", "balanced"])
def test_sets_do_not_depend_on_what_else_is_drawn(strings):
    whole = build_recognition(spec(strings=strings, measure={"pairs": True}))
    other = TaskSettings("another name", "parity", {})
    apart = build_recognition(spec(other, strings), ("train", "validation"))
    assert {"train", "validation 2-12"} == {*apart.splits}
    for name, split in apart.splits.items():
        assert split.tokens.tobytes() == whole.splits[name].tokens.tobytes()
        assert split.targets.tobytes() == whole.splits[name].targets.tobytes()
    wider = build_recognition(spec(strings=strings, test=BinnedStrings(((15, 16),), 60)))
    assert wider.train.tokens.tobytes() == whole.train.tokens.tobytes()
    again = build_recognition(spec(strings=strings, measure={"pairs": True}))
    assert again.hash == whole.hash != build_recognition(spec(strings=strings, seed=1)).hash


def test_the_strings_of_the_language_are_those_of_a_set_of_half_the_size():
    half = fwp.make_dataset("dyck_1", **SMALL, counts=(150, 30, 30))
    data = make("dyck_1")
    inside = [string for string, label in labelled(data, data.train).items() if label]
    assert sorted(inside) == sorted(half.strings(half.train))


def test_proposals_are_random_strings_and_edited_ones_in_equal_shares():
    # Strings of one language are all 0, so that symbols 1 and lengths tell what was proposed.
    zeros = languages.get("regex", pattern="0*", alphabet="01")
    window, rng = Bin(5, 30), np.random.default_rng(0)
    found = list(propose(zeros, [12], window, 4_000, rng))
    ones = np.array([string.count("1") / len(string) for string in found])
    edited = np.array([abs(len(string) - 12) for string in found]) < 4
    # A random string is half 1s; an edited one of twelve 0s has a few.
    assert 0.45 < (ones < 0.25).mean() < 0.55
    far = np.array([len(string) for string, near in zip(found, edited, strict=True) if not near])
    assert far.min() == 5 and far.max() == 30 and abs(np.median(far) - 19) < 3


def test_numbers_of_edits_are_geometric_and_each_kind_is_equally_likely():
    language, rng = languages.get("tomita_4"), np.random.default_rng(0)
    once = Counter(len(with_edits("1" * 10, 1, language, Bin(2, 20), rng)) for _ in range(3_000))
    assert all(abs(once[length] / 3_000 - 1 / 3) < 0.03 for length in (9, 10, 11))
    asked = []
    fake = SimpleNamespace(
        random=lambda size: np.zeros(size),
        choice=rng.choice,
        bytes=rng.bytes,
        integers=rng.integers,
        geometric=lambda p: asked.append(p) or 1,
    )
    ones = languages.get("regex", pattern="1*", alphabet="01")
    list(propose(ones, [4], Bin(1, 9), 20, fake))
    assert asked == [0.5] * 20


@pytest.mark.parametrize(("low", "high", "lengths"), [(4, 4, {4}), (4, 5, {4, 5}), (3, 4, {3, 4})])
def test_edits_stay_in_the_window(low, high, lengths):
    language, rng = languages.get("tomita_4"), np.random.default_rng(0)
    found = [with_edits("1111", 1, language, Bin(low, high), rng) for _ in range(100)]
    assert {len(string) for string in found} == lengths
    unary = languages.get("aa_star")
    assert with_edits("aaaa", 3, unary, Bin(4, 4), rng) == "aaaa"


@pytest.mark.parametrize("name", ["tomita_4", "parity", "abab_star", "tomita_1"])
def test_the_complement_holds_what_the_language_does_not(name):
    language = languages.get(name)
    for other in (Outside(language), complement(language)):
        for length in range(1, 7):
            every = {"".join(s) for s in product(language.alphabet, repeat=length)}
            outside = {string for string in every if not language.contains(string)}
            assert set(other.strings(length)) == outside
            assert other.count(length) == other.count_capped(length) == len(outside)
            assert all(other.contains(s) == (s in outside) for s in every)
            for string in outside:
                state = other.start
                for symbol in string:
                    state = other.step(state, symbol)
                assert other.accepts(state) and other.target(state) in (0, 1)


def test_balanced_strings_outside_are_uniform():
    # Strings of six symbols outside no-000: all equally likely, with random ones almost all drawn.
    outside = complement(languages.get("tomita_4"))
    drawn = Counter(outside.draw(np.random.default_rng(0), 5, 8_000))
    every = set(outside.strings(5))
    assert set(drawn) == every
    assert max(abs(drawn[s] / 8_000 - 1 / len(every)) for s in every) < 0.02


def distance_one(first: str, second: str) -> bool:
    if len(first) == len(second):
        return sum(a != b for a, b in zip(first, second, strict=True)) == 1
    short, long = sorted((first, second), key=len)
    return len(long) == len(short) + 1 and any(
        long[:i] + long[i + 1 :] == short for i in range(len(long))
    )


def test_each_string_of_a_pair_is_an_edit_away_from_one_of_the_other_class():
    data = make("dyck_1", pairs=True)
    assert [split.bin for split in data.test] == ["2-12", "13-20", "2-12 pairs", "13-20 pairs"]
    for split in data.test[2:]:
        found = labelled(data, split)
        yes = [string for string, label in found.items() if label]
        no = [string for string, label in found.items() if not label]
        for string in yes:
            assert any(distance_one(string, other) for other in no)
    random = labelled(data, data.test[1])
    yes = [string for string, label in random.items() if label]
    no = [string for string, label in random.items() if not label]
    assert not all(any(distance_one(string, other) for other in no) for string in yes)


def test_pairs_are_found_where_hardly_any_edit_leads_out_of_the_language():
    """Almost all strings hold the subsequence, so that those without are where edits begin."""
    task = TaskSettings("mine", "subregular", {"kind": "coSP", "seed": 0})
    long = BinnedStrings(((20, 29),), 60)
    own = spec(task, "balanced", train=TrainStrings(20, 29, 300), validation=long, test=long)
    data = build_recognition(replace(own, measure={"pairs": True}))
    found = labelled(data, data.test[1])
    assert len(found) == 60 and sum(found.values()) == 30
    outside = [string for string, label in found.items() if not label]
    for string, label in found.items():
        assert not label or any(distance_one(string, other) for other in outside)


def test_the_files_of_a_task(tmp_path):
    own = spec(measure={"pairs": True})
    train, test, card = (tmp_path / name for name in ("train.npz", "test.npz", "card.json"))
    make_training(own, train)
    described = make_test(own, train=train, test=test, card=card)
    assert set(described["splits"]) == {
        *("train", "validation 2-12", "test 2-12", "test 13-20"),
        *("test 2-12 pairs", "test 13-20 pairs"),
    }
    found = load_dataset(train, own.task)
    assert found.params == {"language": "parity", "params": {}, "strings": "edits"}
    with pytest.raises(ValueError, match="holds strings of"):
        load_dataset(train, recognition(TaskSettings("mine", "parity", {}), "balanced"))


def test_the_card_says_what_chance_is():
    card = describe_recognition(make("parity", pairs=True))
    assert any("right for half of the strings" in note for note in card["notes"])
    assert any("No test string is a training" in note for note in card["notes"])
    assert any("called pairs" in note for note in card["notes"])
    assert card["splits"]["train"]["classes"] == {"no": 0.5, "yes": 0.5}
    assert card["splits"]["test 2-12"]["asked"] == 60
    assert set(card["example"]["labels"][:-1]) == {"·"}
    few = describe_recognition(make("aa_star"))
    assert any("sets share some" in note for note in few["notes"])
    assert any("Fewer strings" in note for note in few["notes"])


@pytest.mark.parametrize(("string", "label"), [("(())", "yes"), ("(()", "no"), ("))", "no")])
def test_the_target_of_any_string_is_at_its_last_symbol(string, label):
    cell = SimpleNamespace(dataset=make("dyck_1"))
    targets = CellResults._targets(cell, list(string))  # pyright: ignore
    assert targets == [None] * (len(string) - 1) + [label]


@pytest.mark.parametrize(
    ("language", "strings", "message"),
    [
        ("even_pairs", "edits", "strings: .* even_pairs holds every string over a b"),
        ("even_pairs", "balanced", "strings: .* even_pairs holds every string over a b"),
        ("dyck_1", "balanced", "at most 1,000 states, dyck_1 has more; use strings: edits"),
        ("parity", "edit", "strings: must be one of language, edits, balanced, got 'edit'"),
    ],
)
def test_what_cannot_be_recognised(language, strings, message):
    with pytest.raises(ValueError, match=message):
        make(language, strings)


def test_pairs_are_of_recognition_alone():
    with pytest.raises(ValueError, match="pairs: needs strings: edits or balanced"):
        make("parity", "language", pairs=True)


def test_a_model_learns_to_recognise(tmp_path):
    data = make("tomita_1", "balanced")
    save_dataset(data, tmp_path / "data.npz")
    data = load_dataset(tmp_path / "data.npz")
    model = fwp.build_model("gru", data, hidden=8, seed=0)
    run = fwp.train(model, data, epochs=6, learning_rate=3e-2)
    accuracy = fwp.evaluate(model, data)
    assert run.epochs <= 6
    assert accuracy[accuracy.bin == "2-12"].sequence_accuracy.iloc[0] > 0.9
