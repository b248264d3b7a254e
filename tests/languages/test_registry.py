import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fwp import languages

PAPER = {
    "parity": ("fwp.languages.parity", "01", ("odd", "even")),
    "aa_star": ("fwp.languages.star", "a", ("incomplete", "complete")),
    "abab_star": ("fwp.languages.star", "ab", ("incomplete", "complete")),
    "dyck_1": ("fwp.languages.dyck", "()", ("balanced", "open")),
    "reset_dyck_1": ("fwp.languages.reset_dyck", "()1", ("balanced", "open")),
    "anbn": ("fwp.languages.counter", "ab", ("ab", "b", "end")),
    "anbncn": ("fwp.languages.counter", "abc", ("ab", "b", "c", "end")),
    "shuffle_2": ("fwp.languages.shuffle", "()[]", ("balanced", "[ open", "( open", "([ open")),
}


@pytest.mark.parametrize("name", PAPER)
def test_the_languages_of_the_paper_are_there(name):
    module, alphabet, classes = PAPER[name]
    language = languages.get(name)
    assert languages.module(name) == module
    assert (language.alphabet, language.classes) == (tuple(alphabet), classes)


def run(code, cwd):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def copy(tmp_path):
    """A folder with a copy of the languages, to which files may be added."""
    source = Path(languages.__file__).parents[1]
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / "languages", tmp_path / "fwp" / "languages", ignore=ignore)
    shutil.copy(source / "__init__.py", tmp_path / "fwp")
    shutil.copytree(source / "utils", tmp_path / "fwp" / "utils", ignore=ignore)
    return tmp_path


def test_only_the_file_of_the_language_is_imported(copy):
    code = """
import sys
from fwp import languages
languages.names(), languages.module("dyck_1")
loaded = lambda: sorted(m for m in sys.modules if m.startswith("fwp.languages."))
print(loaded())
languages.get("parity")
print(loaded(), "torch" in sys.modules, "pandas" in sys.modules)
"""
    shared = ["fwp.languages._checks", "fwp.languages._labeller", "fwp.languages.base"]
    assert run(code, copy).splitlines() == [
        str(shared),
        f"{[*shared, 'fwp.languages.parity']} False False",
    ]


def test_a_class_in_a_new_file_is_found(copy):
    (copy / "fwp" / "languages" / "pairs.py").write_text(
        "from fwp.languages.star import Star\n\n\n"
        'class Pairs(Star):\n    """(xy)*."""\n\n    name = "pairs"\n    word = "xy"\n'
    )
    code = """
from fwp import languages
print("pairs" in languages.names(), languages.module("pairs"), languages.get("pairs").label("xyx"))
"""
    assert run(code, copy).strip() == "True fwp.languages.pairs [0, 1, 0]"


NAMES = """
from fwp import languages
try:
    languages.names()
except ValueError as error:
    print(error)
"""


def test_a_file_that_is_not_python_is_named(copy):
    (copy / "fwp" / "languages" / "other.py").write_text("\nclass Other(:\n")
    message = run(NAMES, copy)
    assert message.startswith("line 2 of other.py is not valid Python: ")


def test_two_languages_of_one_name_are_refused(copy):
    (copy / "fwp" / "languages" / "other.py").write_text('class Other:\n    name = "parity"\n')
    message = run(NAMES, copy)
    assert "'parity'" in message
    assert "other.Other" in message
    assert "parity.Parity" in message


def test_an_unknown_language_is_refused_with_a_suggestion():
    with pytest.raises(ValueError, match=r"unknown language 'dyck1' \(did you mean 'dyck_1'\?\)"):
        languages.get("dyck1")
    with pytest.raises(ValueError, match=r"unknown language 'xyz'; known: .*aa_star, .*shuffle_2"):
        languages.module("xyz")


def test_an_unknown_parameter_is_refused_with_what_is_allowed():
    with pytest.raises(ValueError, match=r"'dyck_1' has no parameter 'P' \(did you mean 'p'\?\)"):
        languages.get("dyck_1", P=0.4)
    with pytest.raises(ValueError, match=r"'shuffle_2' .* 'depth'; allowed: p: .*0\.5, q: .*0\.25"):
        languages.get("shuffle_2", depth=3)
    with pytest.raises(ValueError, match="'parity' has no parameter 'p'; takes no parameters"):
        languages.get("parity", p=0.4)
