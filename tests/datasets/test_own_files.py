"""Strings from files: read again as they were written, and mistakes with their places."""

import json
import re

import numpy as np
import pytest

import fwp
from fwp import languages
from fwp.config.messages import ConfigError
from fwp.datasets.dataset import load_dataset
from fwp.datasets.files.bins import make_bins
from fwp.datasets.files.card import describe_files
from fwp.datasets.files.formats import files_of, told
from fwp.datasets.files.parts import held_out
from fwp.datasets.files.source import FilesError
from fwp.datasets.make import make_test, make_training
from fwp.datasets.spec import DatasetSpec
from fwp.utils.bins import Bin

PER_POSITION = [("parity", {}), ("shuffle_2", {}), ("mqar", {}), ("tomita_3", {})]
AT_THE_END = [("listops", {"depth": 3, "arguments": 3}), ("even_pairs", {"labels": "last"})]
NONE = "·"


def drawn(name, params, seed, number=40):
    """Strings of a language, and the names of their labels, None where there is none."""
    language = languages.get(name, **params)
    found = {}
    for string in language.sample(np.random.default_rng(seed), number, 8, 24):
        labels = language.label(string)
        names = [name.replace(" ", "_") for name in language.classes]
        found[string] = [names[i] if i >= 0 else None for i in labels]
    return found


# Writers of each format: what they write, and what is left of the labels.


def as_csv(path, rows, between=",", last=False):
    lines = [between.join(["n", "labels", "string"])]
    for i, (string, labels) in enumerate(rows.items()):
        names = labels[-1] if last else " ".join(label or NONE for label in labels)
        lines.append(between.join([str(i), *(f'"{x}"'.replace("\n", "") for x in (names, string))]))
    path.write_text("\r\n".join(lines))


def as_tsv(path, rows, last=False):
    as_csv(path, rows, "\t", last)


def as_jsonl(path, rows, last=False):
    records = [{"string": s, "labels": x[-1] if last else x} for s, x in rows.items()]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def as_lists(path, rows, last=False):
    records = [{"x": [*s], "y": x[-1] if last else x} for s, x in rows.items()]
    path.write_text("\n".join(map(json.dumps, records)))


def bits(classes, names):
    width = len(classes).bit_length()
    return "".join(f"{classes.index(name):0{width}b}" for name in names)


def as_src_tgt(path, rows, last=False):
    classes = sorted({name for names in rows.values() for name in names})
    path.write_text("\n".join(rows))
    path.with_suffix(".tgt").write_text("\n".join(bits(classes, x) for x in rows.values()))


WRITERS = {"csv": as_csv, "tsv": as_tsv, "jsonl": as_jsonl, "ndjson": as_lists}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(("name", "params"), PER_POSITION + AT_THE_END)
def test_what_is_written_is_read(suffix, name, params, tmp_path):
    sets = {kind: drawn(name, params, i) for i, kind in enumerate(("train", "validation", "test"))}
    known = {label for names in sets["train"].values() for label in names}
    for kind in ("validation", "test"):  # with labels that training has
        sets[kind] = {s: x for s, x in sets[kind].items() if known.issuperset(x)}
    last = (name, params) in AT_THE_END
    for kind, rows in sets.items():
        WRITERS[suffix](tmp_path / f"{kind}.{suffix}", rows, last=last)
    paths = {kind: tmp_path / f"{kind}.{suffix}" for kind in sets}
    data = fwp.read_dataset(**paths, unlabelled=NONE)
    assert data.spec["found"]["layout"]["per"] == ("string" if last else "position")
    for kind, rows in sets.items():
        assert read(data, kind) == rows, kind


def read(data, kind):
    """Strings and names of labels of all sets of a kind."""
    found = {}
    for name, split in data.splits.items():
        if name.startswith(kind):
            for string, (_, targets) in zip(data.strings(split), split, strict=True):
                found[string] = [data.classes[i] if i >= 0 else None for i in targets]
    return found


@pytest.mark.parametrize(("name", "params"), [("parity", {}), ("shuffle_2", {}), ("anbn", {})])
@pytest.mark.parametrize("names", ["{}.src", "{}_src.txt"])
def test_targets_of_several_digits(name, params, names, tmp_path):
    rows = drawn(name, params, 0)
    classes = sorted({label for labels in rows.values() for label in labels})
    for kind in ("train", "test"):
        path = tmp_path / names.format(kind)
        path.write_text("\n".join(rows))
        other = path.with_name(path.name.replace("src", "tgt"))
        other.write_text("\n".join(bits(classes, x) for x in rows.values()))
    data = fwp.read_dataset(tmp_path / names.format("train"), tmp_path / names.format("test"))
    assert read(data, "test") == {s: [bits(classes, [x]) for x in own] for s, own in rows.items()}
    files = files_of(str(tmp_path / names.format("train")), {"format": None, "labels": None})
    assert [file.rpartition("/")[2] for file in files] == [
        names.format("train"), names.format("train").replace("src", "tgt")
    ]  # fmt: skip


def test_files_of_mlregtest(tmp_path):
    rows = {"abca": "TRUE", "bc": "FALSE", "ca": "TRUE", "b": "FALSE", "a": "TRUE", "c": "FALSE"}
    text = "".join(f"{string}\t{label}\n" for string, label in rows.items())
    for name in ("04.04.SL.2.1.0_Train.txt", "04.04.SL.2.1.0_TestSR.txt"):
        (tmp_path / name).write_text(text)
    data = fwp.read_dataset(
        tmp_path / "04.04.SL.2.1.0_Train.txt",
        tmp_path / "04.04.SL.2.1.0_TestSR.txt",
        tmp_path / "04.04.SL.2.1.0_TestSR.txt",
    )
    assert (data.alphabet, data.classes) == (("a", "b", "c"), ("FALSE", "TRUE"))
    assert read(data, "train")["abca"] == [None, None, None, "TRUE"]


def flare(folder, rows):
    folder.mkdir()
    (folder / "main.tok").write_text("".join(f"{string}\n" for string, _, _ in rows))
    (folder / "labels.txt").write_text("".join(f"{label}\n" for _, label, _ in rows))
    lines = [
        json.dumps([{"s": s, "e": e} for s, e in following])
        for _, label, following in rows
        if label
    ]
    (folder / "next-symbols.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_folders_of_flare(tmp_path):
    opened, closed = ("(0 (1", True), ("(0 (1 )0", False)
    rows = [
        ("(0 )0", 1, [opened, closed, opened]),
        (")0 (1 (0", 0, [opened]),
        ("", 1, [opened]),
        ("(0", 0, [opened, closed]),
        ("(0 )0 (0 )0", 1, [opened, closed, opened, closed, opened]),
        ("(1 (1", 0, [opened]),
    ]
    train, test = (flare(tmp_path / name, rows) for name in ("train", "test"))
    data = fwp.read_dataset(train, test, train)
    assert data.alphabet == ("(0", "(1", ")0")
    assert [len(split) for split in (data.train, *data.validation)] == [5, 5]
    assert sum(map(len, data.test)) == 5
    assert data.spec["found"]["train"]["empty"] == 1
    assert read(data, "train")["(0)0"] == [None, "1"]
    assert any("Empty strings were left out" in note for note in describe_files(data)["notes"])
    following = fwp.read_dataset(train, test / "main.tok", train, labels="next")
    assert read(following, "train") == {
        "(0)0": ["(0 (1 )0", "(0 (1 end"], "(0)0(0)0": ["(0 (1 )0", "(0 (1 end"] * 2
    }  # fmt: skip


def table(path, rows, header="string,labels"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


GOOD = ["0110,abba", "01,ab", "10,ba", "111,bbb"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["0110,abb"], "test.csv:2:6: a string of 4 symbols must have 4 labels"),
        (["01,ab", "0120,abba"], "test.csv:3:3: a symbol must occur in the training strings, 0 1"),
        (['"0","a"', '"01","ac"'], "test.csv:3:7: a label must occur in the training strings"),
        (["01,ab,c"], "test.csv:2:1: must have 2 cells, as the header has (string, labels), got 3"),
        (["01"], "test.csv:2:1: must have 2 cells"),
        ([",,"], "test.csv:2:1: must have 2 cells"),
        (['"01,ab'], "test.csv:2:1: not CSV"),
        ([], "test.csv: must hold strings, got none"),
    ],
)
def test_mistakes_have_their_place(rows, message, tmp_path):
    train, test = table(tmp_path / "train.csv", GOOD), table(tmp_path / "test.csv", rows)
    with pytest.raises(FilesError, match=re.escape(message)) as caught:
        fwp.read_dataset(train, test, train)
    assert str(caught.value).startswith("files.test: ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"a,b\n1,2\n", "x.csv:1:1: must name the column of the string, one of string"),
        ("x.csv", b"string,labels\n01,\xff\n", "x.csv:2:4: must be UTF-8, got the byte 0xff"),
        ("x.csv", "string,labels\n".encode("utf-16"), "x.csv:1:1: must be UTF-8, seems to be"),
        ("x.csv", b"", "x.csv: is empty"),
        ("x.jsonl", b'{"string": "01", "labels": [1, 0]}\n{"string"', "x.jsonl:2:10: not JSON"),
        ("x.jsonl", b'{"string": {}, "labels": 1}', "x.jsonl:1:12: a string must be text or a"),
        ("x.jsonl", b'{"string": "0", "labels": [[]]}', "x.jsonl:1:27: labels must be text"),
        ("x.jsonl", b'{"string": "0", "labels": 1}\n{"word": 1}', "x.jsonl:2:1: has no key 'stri"),
        ("x.jsonl", b"[]", "x.jsonl:1:1: must be an object"),
        ("x.jsonl", b'{"string": "\\ud800", "labels": 1}', "x.jsonl:1:1: half of a surrogate pair"),
        ("x.txt", b"word\n", "x.txt:1:1: its format cannot be told; set files.format, one of csv"),
        ("x.txt", b"0\tTRUE\n01\tMAYBE", "x.txt:2:4: must be a string, a tab, and TRUE or FALSE"),
        ("x.src", b"01", "x.src: must have a partner with the targets"),
        ("x_src.txt", b"01\n1", "x_tgt.txt:2:3: must have 2 digits per symbol"),
        ("main.tok", b"a b\n", "labels.txt: must have a line for each of the 1 lines of main.tok"),
    ],
)
def test_files_that_cannot_be_read(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "x_tgt.txt").write_text("0111\n110")
    (tmp_path / "labels.txt").write_text("0\n1\n")
    with pytest.raises(FilesError, match=re.escape(message)):
        fwp.read_dataset(tmp_path / name, tmp_path / name, tmp_path / name)


def test_options_are_those_of_the_config(tmp_path):
    path = table(tmp_path / "x.csv", GOOD, "text,y")
    with pytest.raises(ConfigError, match="unknown key"):
        fwp.read_dataset(path, path, path, sep=" ")
    with pytest.raises(ConfigError, match="must be one of csv, tsv"):
        fwp.read_dataset(path, path, path, format="xml")
    with pytest.raises(FilesError, match=r"must have the column 'tex' .*did you mean 'text'"):
        fwp.read_dataset(path, path, path, string="tex")
    data = fwp.read_dataset(path, path, path, per="string")
    assert data.classes == ("ab", "abba", "ba", "bbb")


def test_names_that_read_as_no_number_have_one_order(tmp_path):
    rows = [f"{word},ab" for word in ("2", "nan", "a", "-1", "NaN", "b", "10")]
    for order in (rows, rows[::-1], sorted(rows)):
        path = table(tmp_path / "x.csv", order, "y,text")
        data = fwp.read_dataset(path, path, path, per="string")
        assert data.classes == ("-1", "2", "10", "NaN", "a", "b", "nan")


def test_equal_strings_are_held_out_together(tmp_path):
    rows = [f"{i % 40:06b},{i % 2}" for i in range(200)]
    path = table(tmp_path / "x.csv", rows)
    data = fwp.read_dataset(path, path, holdout=0.3, seed=1)
    train, validation = ({*data.strings(split)} for split in (data.train, data.validation[0]))
    assert train and validation and not train & validation
    assert len(data.train) + len(data.validation[0]) == 200
    assert sum(held_out([f"{i:020b}" for i in range(200)], 0.3, 0)) == 60
    assert sum(held_out(["01", "10", "01"], 0.01, 0)) in (1, 2)
    with pytest.raises(FilesError, match=r"files\.holdout: must leave strings for training and"):
        fwp.read_dataset(table(tmp_path / "y.csv", GOOD[:1]), path)


def test_bins_are_made_from_what_is_there(tmp_path):
    lengths = np.array([3, 5, 8, 20, 41, 90])
    given = make_bins(lengths, 10, [(2, 50), (51, 100), (101, 200)])
    assert (given.bins, "evaluation.bins" in given.why) == ([Bin(2, 50), Bin(51, 100)], True)
    doubled = make_bins(lengths, 10, [(4, 100)])
    assert doubled.bins == [Bin(3, 10), Bin(11, 20), Bin(21, 80), Bin(81, 90)]
    quarters = make_bins(np.arange(1, 41), 40, [(2, 50)])
    assert quarters.bins == [Bin(1, 10), Bin(11, 20), Bin(21, 30), Bin(31, 40)]
    train = table(tmp_path / "train.csv", GOOD)
    long = table(tmp_path / "long.csv", ["01010101,abababab"])
    for test in ({"2-4": train, "5-9": long}, {"near": train, "far": long}):
        data = fwp.read_dataset(train, test, train)
        names = ["2-4", "5-9"] if "far" not in test else ["2-4 near", "8-8 far"]
        assert [split.bin for split in data.test] == names
        assert [split.name for split in data.test] == [f"test {name}" for name in names]
    same = fwp.read_dataset(train, {"b": [train, long], "a": train}, train)
    assert [(split.bin, len(split)) for split in same.test] == [("2-4 a", 4), ("2-8 b", 5)]
    assert [s.bin for s in fwp.read_dataset(train, train, train, bins=[[1, 2], [3, 9]]).test] == [
        "1-2", "3-9"
    ]  # fmt: skip
    with pytest.raises(FilesError, match=r"train.csv:2:1: a string must be as long as a bin says"):
        fwp.read_dataset(train, {"5-9": train}, train)
    with pytest.raises(FilesError, match=r"files.bins: bins must not overlap, got 1-3 and 3-9"):
        fwp.read_dataset(train, train, train, bins=[[1, 3], [3, 9]])
    with pytest.raises(FilesError, match=r"validation.near: a bin must be written like 51-100"):
        fwp.read_dataset(train, train, {"near": train})
    with pytest.raises(FilesError, match=r"a bin may be given once, 2-4 is given twice"):
        fwp.read_dataset(train, {"2-4": train, "02-4": train}, train)


def test_the_card_says_what_was_found(tmp_path):
    train = table(tmp_path / "train.csv", [*GOOD, "01,ab", "01,aa"])
    test = table(tmp_path / "test.csv", ["111,bbb", "1111,bbbb", ","])
    card = describe_files(fwp.read_dataset(train, test, train))
    assert card["splits"]["train"]["duplicates"] == 2
    assert card["splits"]["test 2-50"]["overlap"] == {"train": 1, "validation": 1}
    assert card["splits"]["test 2-50"]["classes"] == {"a": 0, "b": 1}
    assert card["found"]["test"]["empty"] == 1
    assert card["warnings"][-1] == (
        "1 training string occurs with different labels: no model can get all of them right."
    )
    assert any(
        line.startswith("1 of the 2 strings of test 2-50 are training") for line in card["notes"]
    )
    assert len(card["example"]["string"]) == len(card["example"]["labels"])


def test_files_of_the_pipeline(tmp_path):
    """Training and test strings in files of their own, with a card."""
    train, test = (table(tmp_path / f"{name}.csv", GOOD) for name in ("train", "test"))
    made = fwp.read_dataset(train, test, train)
    spec = DatasetSpec.from_dict({k: v for k, v in made.spec.items() if k != "found"})
    make_training(spec.without_test(), tmp_path / "train.npz")
    card = make_test(
        spec,
        train=tmp_path / "train.npz",
        test=tmp_path / "test.npz",
        card=tmp_path / "card.json",
    )
    read_again = load_dataset(tmp_path / "test.npz", spec.task, spec=spec, kinds=("test",))
    assert read(read_again, "test") == read(made, "test")
    assert read_again.spec["found"] == made.spec["found"]
    assert json.loads((tmp_path / "card.json").read_text())["splits"] == card["splits"]


def test_formats_are_told_by_name_and_content(tmp_path):
    for name, content, expected in [
        ("a.TSV", "string\tlabel\n", "tsv"),
        ("b.txt", "string\tlabel\n", "tsv"),
        ("c.txt", '{"x": 1}', "jsonl"),
        ("d.dat", "string;label\n", "csv"),
        ("e.tsv", "0101\tTRUE\n", "mlregtest"),
    ]:
        (tmp_path / name).write_text(content)
        assert told(tmp_path / name) == expected, name
