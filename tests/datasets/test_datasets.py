import copy
import functools
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from languages.variants import VARIANTS, label

from fwp import languages
from fwp.datasets import dataset
from fwp.datasets.card import describe
from fwp.datasets.dataset import Dataset, DatasetError, Split, load_dataset, save_dataset
from fwp.datasets.made import make_dataset
from fwp.datasets.pools import pool_size
from fwp.datasets.sampling import build_dataset, plan, spread
from fwp.datasets.spec import DatasetSpec

SPEC = {
    "name": "task",
    "language": "dyck_1",
    "params": {},
    "seed": 0,
    "train": {"min_length": 2, "max_length": 30, "count": 600},
    "validation": {"bins": [[2, 30], [31, 60]], "count": 60},
    "test": {"bins": [[2, 30], [31, 60], [61, 120]], "count": 100},
}
DEFAULT = {
    "name": "task",
    "params": {},
    "seed": 0,
    "train": {"min_length": 2, "max_length": 50, "count": 10_000},
    "validation": {"bins": [[2, 50], [51, 100]], "count": 500},
    "test": {"bins": [[2, 50], [51, 100], [101, 200], [201, 500], [501, 1000]], "count": 1000},
}
PAPER = ["parity", "aa_star", "abab_star", "dyck_1", "reset_dyck_1", "anbn", "anbncn", "shuffle_2"]
EVERY = {label(variant): languages.get(variant[0], **variant[1]) for variant in VARIANTS}
# One has none as short as those of SPEC.
LANGUAGES = {name: language for name, language in EVERY.items() if language.lengths(2, 30)}
DRAWN = {label(variant): variant for variant in VARIANTS if label(variant) in LANGUAGES}
ONE_PER_LENGTH = [
    name for name, x in LANGUAGES.items() if max(x.count(n) for n in x.lengths(2, 30)) == 1
]
RANDOM = [name for name in LANGUAGES if name not in ONE_PER_LENGTH]


def changed(**changes):
    return copy.deepcopy(SPEC) | changes


def build(spec: dict, *kinds: str):
    return build_dataset(DatasetSpec.from_dict(spec), *([kinds] if kinds else []))


def planned(spec: dict):
    return plan(DatasetSpec.from_dict(spec))


@functools.cache
def listing(short):
    """A language that lists the strings of a length once, for all the datasets drawn from it."""
    name, params = DRAWN[short]
    language = languages.get(name, **params)
    language.strings = functools.cache(lambda n, each=language.strings: [*each(n)])
    return language


def build_of(short: str, spec: dict):
    """A dataset of a language of DRAWN; to list its strings again and again takes most time."""
    (name, params), language = DRAWN[short], listing(short)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "get", lambda *_, **__: language)
        return build(spec | {"language": name, "params": params})


class Built(dict):
    """Datasets of SPEC by language, each built when it is first asked for."""

    def __missing__(self, short):
        self[short] = build_of(short, changed())
        return self[short]


@pytest.fixture(scope="module")
def built():
    return Built()


def test_the_languages_of_one_string_per_length_are_known():
    assert {"aa_star", "abab_star", "anbn", "anbncn"} == {*ONE_PER_LENGTH} & {*PAPER}


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_sets_hold_what_they_say(built, name):
    dataset, language = built[name], LANGUAGES[name]
    assert list(dataset.splits) == [
        "train",
        "validation 2-30",
        "validation 31-60",
        "test 2-30",
        "test 31-60",
        "test 61-120",
    ]
    assert dataset.train is dataset.splits["train"]
    assert [split.bin for split in dataset.validation] == ["2-30", "31-60"]
    assert [split.name for split in dataset.test] == ["test 2-30", "test 31-60", "test 61-120"]
    assert (dataset.alphabet, dataset.classes) == (language.alphabet, language.classes)
    for split in dataset.splits.values():
        assert split.tokens.dtype == np.uint8
        assert split.targets.dtype == np.int16
        assert split.offsets.dtype == np.int64
        low, high = split.window
        assert low <= split.min_length <= split.max_length <= high
        strings = dataset.strings(split)
        assert len(strings) == len(split) == len(list(split))
        assert [*map(len, strings)] == split.lengths.tolist()
        for i in range(0, len(split), 4):
            string, (tokens, targets) = strings[i], split[i]
            assert language.contains(string)
            assert language.encode(string).tolist() == tokens.tolist()
            assert language.label(string) == targets.tolist()


@pytest.mark.parametrize("name", RANDOM)
def test_random_languages_never_show_a_string_twice(built, name):
    dataset = built[name]
    seen = Counter(s for split in dataset.splits.values() for s in dataset.strings(split))
    assert set(seen.values()) == {1}
    assert len(dataset.train) == 600


@pytest.mark.parametrize("name", ONE_PER_LENGTH)
def test_languages_of_one_string_per_length_repeat_it(built, name):
    dataset, language = built[name], LANGUAGES[name]
    repeats = Counter(dataset.strings(dataset.train))
    assert len(dataset.train) == 600
    assert sorted(map(len, repeats)) == language.lengths(2, 30)
    assert max(repeats.values()) - min(repeats.values()) <= 1
    for split in [*dataset.validation, *dataset.test]:
        assert split.lengths.tolist() == language.lengths(*split.window)


@pytest.mark.parametrize("name", PAPER)
def test_the_default_windows_are_filled_and_every_length_is_tested(name):
    dataset, language = build_of(name, DEFAULT), LANGUAGES[name]
    card = describe(dataset)
    assert len(dataset.train) == 10_000
    for split in dataset.test:
        possible = language.lengths(*split.window)
        assert sorted(set(split.lengths.tolist())) == possible
        assert len(split) == min(1000, sum(min(1000, language.count(n)) for n in possible))
        assert card["splits"][split.name]["missing_lengths"] == []
    for split in dataset.validation:
        expected = len(language.lengths(*split.window)) if name in ONE_PER_LENGTH else 500
        assert len(split) == expected
    balance = card["splits"]["test 501-1000"]["classes"]
    assert min(balance.values()) > 0.0005


def test_lengths_share_a_set_evenly_where_they_can(built):
    lengths = Counter(built["parity"].test[1].lengths.tolist())  # 100 strings, 30 lengths
    assert sorted(lengths) == list(range(31, 61))
    assert set(lengths.values()) == {3, 4}


def test_scarce_strings_go_to_test_then_validation_then_training(built):
    dataset = built["dyck_1"]  # 1, 2, 5 and 14 strings of 2, 4, 6 and 8 symbols
    numbers = [
        [Counter(split.lengths.tolist())[length] for length in (2, 4, 6, 8)]
        for split in (dataset.test[0], dataset.validation[0], dataset.train)
    ]
    assert numbers == [[1, 1, 2, 4], [0, 1, 2, 4], [0, 0, 1, 6]]


def test_a_length_that_one_set_alone_wants_is_not_rationed():
    spec = changed(test={"bins": [[40, 42], [61, 61]], "count": 50}, language="parity")
    spec["validation"] = {"bins": [[2, 4]], "count": 50}
    spec["train"] = {"min_length": 5, "max_length": 6, "count": 50}
    dataset = build(spec)
    # But a quarter stays free for test, which may ask for it later.
    assert len(dataset.validation[0]) == 1 + 3 + 6
    assert len(dataset.train) == 12 + 24
    assert len(dataset.test[0]) == 50


def test_the_same_spec_gives_the_same_bits_and_the_name_plays_no_part(built):
    first, second = built["shuffle_2"], build(changed(language="shuffle_2", name="other"))
    assert first.hash == second.hash
    for name, split in first.splits.items():
        assert np.array_equal(split.tokens, second.splits[name].tokens)
        assert np.array_equal(split.targets, second.splits[name].targets)


KNOWN = {
    "parity": "899047d2b034c80f",
    "dyck_1": "b91d7c32cb894e24",
    "reset_dyck_1": "ea3aa00c5ec4eec4",
    "shuffle_2": "f182c48a99ae5df7",
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_strings_of_a_seed_stay_the_same_from_version_to_version(built, name):
    """Fails when a change of this project or of NumPy alters the data that a config stands for."""
    dataset = built[name]
    text = "\n".join(s for split in dataset.splits.values() for s in dataset.strings(split))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == KNOWN[name]


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"params": {"q": 0.2}}, {"language": "shuffle_2"}],
    ids=["seed", "params", "language"],
)
def test_seed_language_and_parameters_change_the_strings(built, changes):
    other = build(changed(**changes))
    assert other.hash != built["dyck_1"].hash
    assert built["dyck_1"].test[-1].tokens.tolist() != other.test[-1].tokens.tolist()


def test_a_further_test_bin_changes_no_other_set(built):
    more = build(changed(test={"bins": [[2, 30], [31, 60], [61, 120], [121, 140]], "count": 100}))
    for name, split in built["dyck_1"].splits.items():
        assert np.array_equal(split.tokens, more.splits[name].tokens)


@pytest.mark.parametrize("name", LANGUAGES)
def test_test_sets_play_no_part_in_what_is_trained_on(built, name):
    other = build_of(name, changed(test={"bins": [[5, 17], [18, 45]], "count": 30}))
    for key, split in built[name].splits.items():
        if not key.startswith("test"):
            assert built[name].strings(split) == other.strings(other.splits[key])
    train = {s for x in (other.train, *other.validation) for s in other.strings(x)}
    test = [s for split in other.test for s in other.strings(split)]
    assert name in ONE_PER_LENGTH or train.isdisjoint(test)


@pytest.mark.parametrize("name", ["dyck_1", "aa_star", "shuffle_2"])
def test_kinds_of_sets_are_drawn_apart(built, name):
    whole, spec = built[name], changed(language=name)
    train = {key: value for key, value in spec.items() if key != "test"}
    parts = build(train, "train", "validation").splits | build(spec, "test").splits
    assert list(parts) == list(whole.splits)
    for key, split in whole.splits.items():
        assert np.array_equal(split.tokens, parts[key].tokens)


def test_tiny_windows_are_treated_like_languages_of_few_strings():
    dataset = build(changed(train={"min_length": 2, "max_length": 4, "count": 9}))
    assert Counter(dataset.strings(dataset.train)) == {"()": 4, "(())": 3, "()()": 2}
    card = describe(dataset)
    assert not card["one_string_per_length"]
    assert "at most 3 strings per length" in card["notes"][0]
    assert card["splits"]["test 2-30"]["duplicates"] == 0


def test_a_whole_language_can_be_taken():
    spec = changed(train={"min_length": 2, "max_length": 12, "count": 10**6})
    dataset = build(spec)
    held = {s for split in dataset.splits.values() for s in dataset.strings(split)}
    language = languages.get("dyck_1")
    short = sorted(s for n in range(2, 9, 2) for s in language.strings(n))
    assert sorted(s for s in held if len(s) <= 8) == short
    assert len(dataset.train) == sum(
        pool_size(language.count(n), "train", ("test", "validation", "train"))
        for n in range(2, 13, 2)
    )


@pytest.mark.parametrize("seed", range(20))
def test_spreading_is_even_and_within_bounds(seed):
    rng = np.random.default_rng(seed)
    room = rng.integers(0, 12, size=rng.integers(1, 15)).tolist()
    count = int(rng.integers(0, 80))
    shares = spread(count, room)
    assert sum(shares) == min(count, sum(room))
    assert all(0 <= share <= most for share, most in zip(shares, room, strict=True))
    unfilled = [share for share, most in zip(shares, room, strict=True) if share < most]
    if unfilled:
        assert max(shares) <= min(unfilled) + 1


def test_what_does_not_divide_is_spread_over_the_window():
    assert spread(2, [9] * 8) == [0, 0, 1, 0, 0, 0, 1, 0]
    assert spread(7, [1, 9, 1, 9]) == [1, 2, 1, 3]


# The card


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_card_tells_the_truth(built, name):
    dataset, language = built[name], LANGUAGES[name]
    card = json.loads(json.dumps(describe(dataset), allow_nan=False))
    assert card["hash"] == dataset.hash
    assert card["language"] == language.name
    assert card["seed"] == 0
    assert card["one_string_per_length"] == (name in ONE_PER_LENGTH)
    assert list(card["splits"]) == list(dataset.splits)
    strings = {key: dataset.strings(split) for key, split in dataset.splits.items()}
    training = set(strings["train"])
    validation = {*strings["validation 2-30"], *strings["validation 31-60"]}
    for key, entry in card["splits"].items():
        held, possible = strings[key], language.lengths(*dataset.splits[key].window)
        lengths = set(map(len, held))
        assert entry["asked"] == SPEC[key.split()[0]]["count"]
        assert entry["strings"] == len(held)
        assert entry["distinct"] == len(set(held))
        assert entry["duplicates"] == len(held) - len(set(held))
        assert entry["symbols"] == sum(map(len, held))
        assert (entry["min_length"], entry["max_length"]) == (min(lengths), max(lengths))
        assert (entry["lengths"], entry["possible_lengths"]) == (len(lengths), len(possible))
        assert entry["missing_lengths"] == [n for n in possible if n not in lengths]
        labels = Counter(label for string in held for label in language.label(string))
        total = sum(number for label, number in labels.items() if label >= 0)
        assert entry["targets"] == total
        shares = [labels[i] / total for i in range(len(language.classes))]
        assert list(entry["classes"]) == list(language.classes)
        assert list(entry["classes"].values()) == pytest.approx(shares, abs=1e-6)
        overlap = {}
        if key != "train":
            overlap["train"] = sum(string in training for string in held)
        if key.startswith("test"):
            overlap["validation"] = sum(string in validation for string in held)
        assert entry["overlap"] == overlap


def test_the_card_says_in_words_what_to_mind(built):
    notes = " ".join(describe(built["aa_star"])["notes"])
    assert "one string per length" in notes
    assert "repeats the 15 strings" in notes
    assert "test strings of training lengths are training strings" in notes
    assert "test 2-30 (15 of 100)" in notes
    notes = " ".join(describe(built["dyck_1"])["notes"])
    assert "No test string is a training or validation string" in notes
    assert "train has no string of length 2, 4: there are too few." in notes


def test_a_task_with_one_class_warns_and_its_card_says_so(built):
    # Every prefix of a* is in a*: `member` leaves one class.
    one = build(changed(language="regex", params={"pattern": "a*", "labels": "member"}))
    assert one.warning == (
        "All training targets are of one class, member: there is nothing to learn, and an "
        "accuracy of 100 % says nothing."
    )
    assert describe(one)["notes"][0] == one.warning
    for name in ("parity", "aa_star", "flip_flop"):
        assert built[name].warning is None
    assert built["tomita_1"].warning


def test_the_card_says_where_targets_are_few(built):
    card = describe(built["flip_flop"])
    share = card["splits"]["train"]["targets"] / card["splits"]["train"]["symbols"]
    assert 0.05 < share < 0.2
    assert f"have a target: {round(100 * share)} % of those" in " ".join(card["notes"])
    assert "have a target" not in " ".join(describe(built["dyck_1"])["notes"])


def test_the_card_names_lengths_that_are_not_measured():
    card = describe(build(changed(test={"bins": [[31, 60]], "count": 10})))
    missing = card["splits"]["test 31-60"]["missing_lengths"]
    assert len(missing) == 5
    assert any("fewer strings were asked for than there are lengths" in n for n in card["notes"])


def test_a_dataset_made_by_hand_can_be_described_and_stored(tmp_path):
    split = lambda name: Split(  # noqa: E731
        name,
        "2-2",
        np.array([0, 0], np.uint8),
        np.array([-100, 1], np.int16),
        np.array([0, 2], np.int64),
    )
    dataset = Dataset(
        "t", "aa_star", {}, ("a",), ("incomplete", "complete"), {"train": split("train")}
    )
    card = describe(dataset)
    assert card["splits"]["train"]["classes"] == {"incomplete": 0.0, "complete": 1.0}
    save_dataset(dataset, tmp_path / "x.npz")
    assert load_dataset(tmp_path / "x.npz").train.targets.tolist() == [-100, 1]


# Files


@pytest.fixture
def stored(built, tmp_path):
    path = tmp_path / "data" / "task.npz"
    save_dataset(built["reset_dyck_1"], path)
    return path


def test_a_stored_dataset_comes_back(built, stored):
    dataset, again = built["reset_dyck_1"], load_dataset(stored)
    for field in ("task", "language", "params", "alphabet", "classes", "spec", "hash"):
        assert getattr(again, field) == getattr(dataset, field)
    assert list(again.splits) == list(dataset.splits)
    for name, split in dataset.splits.items():
        other = again.splits[name]
        assert (other.name, other.bin) == (split.name, split.bin)
        for part in ("tokens", "targets", "offsets"):
            assert getattr(other, part).dtype == getattr(split, part).dtype
            assert np.array_equal(getattr(other, part), getattr(split, part))
    assert describe(again) == describe(dataset)


def test_equal_datasets_give_equal_files(stored, tmp_path):
    save_dataset(load_dataset(stored), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == stored.read_bytes()


def test_numpy_reads_the_file_without_pickle(stored, built):
    with np.load(stored, allow_pickle=False) as archive:
        assert json.loads(str(archive["header"]))["language"] == "reset_dyck_1"
        assert np.array_equal(archive["0.tokens"], built["reset_dyck_1"].train.tokens)


def refused(path):
    """The message with which a file is refused: one line that begins with the path."""
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_file_is_refused(tmp_path):
    assert "no such dataset file" in refused(tmp_path / "none.npz")
    assert "not a dataset" in refused(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(stored, share):
    data = stored.read_bytes()
    stored.write_bytes(data[: int(len(data) * share)])
    assert "damaged" in refused(stored)


def test_any_damaged_byte_of_the_contents_is_noticed(stored):
    data = stored.read_bytes()
    intact = load_dataset(stored).hash
    rng = np.random.default_rng(0)
    noticed = 0
    for place in rng.integers(len(data), size=60).tolist():
        stored.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        try:
            assert load_dataset(stored).hash == intact  # an attribute that does not matter
        except DatasetError:
            noticed += 1
    assert noticed > 50


def test_exchanged_contents_are_noticed(stored):
    with np.load(stored) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["0.targets"] = 1 - arrays["0.targets"]
    np.savez(stored, **arrays)
    assert "do not match the hash" in refused(stored)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, tokens=np.arange(3))
    assert "not a dataset" in refused(path)
    np.savez(path, header=np.array(json.dumps({"format": "fwp-dataset-0"})))
    assert "its format is 'fwp-dataset-0', not 'fwp-dataset-1'" in refused(path)
    np.savez(path, header=np.array([{"pickled": 1}], dtype=object))
    assert "not a dataset" in refused(path)
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    for data in (buffer.getvalue(), b"task,model\n", b""):
        path.write_bytes(data)
        assert "not a dataset" in refused(path)


def test_reading_a_dataset_imports_neither_languages_nor_torch(stored):
    code = f"""
import sys
from fwp.datasets.dataset import load_dataset
load_dataset({str(stored)!r})
print([name for name in sys.modules if name.split(".")[0] in ("torch", "pandas")
       or name.startswith(("fwp.languages", "fwp.datasets.sampling", "fwp.datasets.card"))])
"""
    root = Path(dataset.__file__).parents[2]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": "dyck1"}, r"unknown language 'dyck1' \(did you mean 'dyck_1'\?\)"),
        ({"params": {"r": 1}}, "'dyck_1' has no parameter 'r'"),
        ({"params": {"p": 2}}, "needs 0 < p"),
        ({"train": {"min_length": 0, "max_length": 9, "count": 5}}, "train 0-9: .* got 0"),
        ({"train": {"min_length": 9, "max_length": 4, "count": 5}}, "train 9-4: min_length must"),
        ({"train": {"min_length": 2, "max_length": 9, "count": 0}}, "train: .* at least 1, got 0"),
        ({"train": {"min_length": 2, "max_length": 9, "count": 2.5}}, "train: .* got 2.5"),
        ({"test": {"bins": [[2, 9]], "count": -1}}, "test: .* at least 1, got -1"),
        ({"test": {"bins": [], "count": 5}}, "test: at least one bin is needed"),
        ({"validation": {"bins": [], "count": 5}}, "validation: at least one bin is needed"),
        ({"test": {"bins": [[10, 20], [2, 10]], "count": 5}}, "overlap, got 2-10 and 10-20"),
        (
            {"language": "anbncn", "test": {"bins": [[1, 2]], "count": 5}},
            "test 1-2: .* anbncn has none of 1 to 2 symbols; nearest possible: 3$",
        ),
        (
            {"test": {"bins": [[2, 9], [11, 11]], "count": 5}},
            "test 11-11: .*nearest possible: 10 and 12$",
        ),
        (
            {"validation": {"bins": [[2, 2]], "count": 5}},
            "validation 2-2: no string is left for this set",
        ),
    ],
)
def test_specs_that_make_no_sense_are_refused_before_drawing(changes, message):
    with pytest.raises(ValueError, match=message):
        planned(changed(**changes))
    with pytest.raises(ValueError, match=message):
        build(changed(**changes))


def test_a_spec_without_a_key_is_refused():
    spec = changed()
    del spec["validation"]
    with pytest.raises(ValueError, match="needs the key 'validation', got name, language"):
        planned(spec)


def test_indexing_beyond_the_end_is_refused(built):
    split = built["dyck_1"].train
    with pytest.raises(IndexError, match="strings 0 to 599, got 600"):
        split[600]


def test_offsets_are_the_cumulated_lengths(built):
    split = built["dyck_1"].train
    assert [end - begin for begin, end in pairwise(split.offsets)] == split.lengths.tolist()


def test_make_is_build_with_defaults():
    made = make_dataset(
        "parity",
        train=(2, 12),
        validation=[(2, 12), (13, 20)],
        test=[(2, 12)],
        counts=(300, 40, 50),
        seed=3,
    )
    spec = {
        "name": "parity",
        "language": "parity",
        "params": {},
        "seed": 3,
        "train": {"min_length": 2, "max_length": 12, "count": 300},
        "validation": {"bins": [[2, 12], [13, 20]], "count": 40},
        "test": {"bins": [[2, 12]], "count": 50},
    }
    assert made.hash == build(spec).hash
