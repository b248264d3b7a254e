import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_pairs

from fwp.datasets.dataset import DatasetError
from fwp.datasets.make import make_training
from fwp.datasets.text.build_pairs import build_pairs
from fwp.datasets.text.card_pairs import describe_pairs
from fwp.datasets.text.pair import PairsError
from fwp.datasets.text.pair_dataset import load_pairs, save_pairs
from fwp.datasets.text.tokenizer import Tokenizer
from fwp.utils.targets import NO_TARGET


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def data(folder):
    return tiny_pairs.pairs(folder)


def shown(data, tokens):
    return [data.alphabet[token] for token in tokens]


def test_a_pair_is_source_separator_and_target(data):
    training, test = data
    split = test.splits["test"]
    for i, (source, target) in enumerate(split.texts):
        at = slice(split.offsets[i], split.offsets[i + 1])
        tokens, targets = split.tokens[at], split.targets[at]
        assert shown(test, tokens) == [*source, "<separator>", *target]
        assert targets[: len(source)].tolist() == [NO_TARGET] * len(source)
        assert shown(test, targets[len(source) :]) == [*target, "<end>"]
        assert shown(test, split.source(i)) == [*source]
    assert training.classes[training.separator] == "<separator>"
    assert training.classes[training.end] == "<end>"


def test_the_tokenizer_knows_the_training_pairs_alone(data):
    training, test = data
    known = set(Tokenizer.from_json(training.tokenizer).alphabet)
    assert {*"abcABC"} <= known
    assert test.tokenizer == training.tokenizer
    assert set(training.splits) == {"train", "validation"}
    assert set(test.splits) == {"test"}


def test_long_pairs_are_left_out_and_counted(data, folder):
    training, test = data
    assert training.splits["train"].sources.max() == 4
    assert test.splits["test"].sources.max() > 4  # test pairs reach further
    left = test.left_out
    kept = sum(len(split) for part in data for split in part.splits.values())
    assert kept + sum(left.values()) == tiny_pairs.known(folder / "pairs.tsv")
    assert left["train: too long"] > 0
    assert left["test: too long"] == 0


def test_card(data):
    training, _ = data
    card = describe_pairs(training)
    split = training.splits["train"]
    sources, targets = split.sources, split.lengths - split.sources - 1
    assert json.loads(json.dumps(card)) == card
    assert card["vocabulary"] == len(training.alphabet)
    assert card["splits"]["train"] == {
        "pairs": len(split),
        "tokens": sources.sum() + targets.sum(),
        "source": {"mean": round(sources.mean(), 2), "longest": 4},
        "target": {"mean": round(targets.mean(), 2), "longest": 4},
        "overlap": 0,
    }


def test_the_card_counts_sources_that_training_has_seen(tmp_path):
    """Where pairs come in three sets of one's own."""
    files = {part: str(tmp_path / part) for part in ("train", "validation", "test")}
    lines = {"train": "a\tA\nb\tB\n", "validation": "c\tC\n", "test": "b\tBB\nd\tD\na\tA\n"}
    for part, text in lines.items():
        (tmp_path / part).write_text(text)
    spec = tiny_pairs.spec(files)
    training = build_pairs(spec.without_test())
    test = build_pairs(spec, ("test",), training)
    card = describe_pairs(replace(test, splits=training.splits | test.splits))
    found = {part: facts["overlap"] for part, facts in card["splits"].items()}
    assert found == {"train": 0, "validation": 0, "test": 2}


def test_bpe_of_two_sentences_is_that_of_each(tmp_path):
    pytest.importorskip("tokenizers", reason="the optional extra text is not installed")
    training, test = tiny_pairs.pairs(tmp_path, tokens="bpe", vocabulary=270, max_length=8)
    tokenizer = Tokenizer.from_json(training.tokenizer)
    for i, (source, _) in enumerate(test.splits["test"].texts):
        assert test.splits["test"].source(i).tolist() == tokenizer.encode(source.encode()).tolist()


def test_no_pair_is_short_enough(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"source {i}\ttarget {i}\n" for i in range(20)))
    message = r"max_length: all 8 train pairs have more than 4 tokens"
    with pytest.raises(PairsError, match=message):
        build_pairs(tiny_pairs.spec(str(path)))


def test_saved_and_loaded(tmp_path, data):
    _, test = data
    for part in data:
        save_pairs(part, tmp_path / "a.npz")
        found = load_pairs(tmp_path / "a.npz", kinds=tuple(part.splits))
        assert found.hash == part.hash
        assert found.spec == json.loads(json.dumps(part.spec))
        assert (found.left_out, found.alphabet) == (part.left_out, part.alphabet)
    assert found.splits["test"].texts == test.splits["test"].texts
    save_pairs(test, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with pytest.raises(DatasetError, match=r"a\.npz: holds no train pairs"):
        load_pairs(tmp_path / "a.npz", kinds=("train",))


def test_what_a_file_must_hold(tmp_path):
    spec = tiny_pairs.spec(tiny_pairs.table(tmp_path / "pairs.tsv"))
    path = tmp_path / "train.npz"
    training = make_training(spec.without_test(), path)
    assert load_pairs(path, spec.task, spec=spec.without_test()).hash == training.hash
    other = tiny_pairs.spec(spec.task.params["files"], max_length=5)
    with pytest.raises(DatasetError, match="other settings than those of capitals"):
        load_pairs(path, other.task)
    with pytest.raises(DatasetError, match="was drawn with"):
        load_pairs(path, spec=other)
    with pytest.raises(DatasetError, match="there is no such file of pairs"):
        load_pairs(tmp_path / "none.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="no pairs, or damaged ones"):
        load_pairs(path)


def test_lines_ends_within_sentences_do_no_harm(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"a{i}\x0bb\tA\x0c{i}\n" for i in range(20)))
    training = build_pairs(tiny_pairs.spec(str(path)))
    assert np.all(training.splits["train"].sources > 0)
