"""Code fingerprints: what changes them, and what does not."""

import ast
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fwp import mixers
from fwp.experiment import fingerprint as fingerprints
from fwp.experiment import syntax
from fwp.experiment.fingerprint import fingerprint
from fwp.utils import source

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that a test may change."""
    shutil.copytree(ROOT / "fwp", tmp_path / "fwp", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "fwp")
    return tmp_path / "fwp"


def prints(package) -> dict[str, str]:
    """The fingerprints of training with every mixer, and of the other stages."""
    found = {name: fingerprint("train", f"fwp.mixers.{name}") for name in mixers.names()}
    found |= {stage: fingerprint(stage) for stage in fingerprints.ROOTS}
    return found


UNCHANGED: dict[str, str] = {}
"""What `prints` says of an unchanged copy, wherever it is; see the test of a copy elsewhere."""


def changed(package, file: str, change) -> set[str]:
    """Which fingerprints differ after `change` of a file's text."""
    if not UNCHANGED:
        UNCHANGED.update(prints(package))
    before = UNCHANGED
    path = package / file
    text = path.read_text(encoding="utf-8")
    new = change(text)
    assert new != text
    path.write_text(new, encoding="utf-8")
    after = prints(package)
    path.write_text(text, encoding="utf-8")
    return {name for name in before if before[name] != after[name]}


def append(line: str):
    return lambda text: text + f"\n{line}\n"


def test_logic_of_one_mixer_concerns_its_cells_alone(package):
    assert changed(package, "mixers/deltanet.py", append("x = 1")) == {"deltanet"}
    assert changed(package, "ops/self_reference/__init__.py", append("x = 1")) == {"srwm"}


def test_code_shared_by_mixers_concerns_all_of_them(package):
    assert changed(package, "nn/feature_maps.py", append("x = 1")) >= {
        "deltanet",
        "linear_transformer",
    }
    found = changed(package, "models/block.py", append("x = 1"))
    own = {"search", "train", "evaluate", "trace", "automaton", "control", "pomdp", "metalearning"}
    assert found == {*mixers.names(), *own}


def test_figures_and_tables_train_nothing(package):
    assert changed(package, "report/figures/heatmap.py", append("x = 1")) == {"figures"}
    assert "tables" in changed(package, "report/tables/summary.py", append("x = 1"))
    for file in (
        "report/figures/heatmap.py",
        "report/tables/summary.py",
        "results/collect.py",
        "report/labels.py",
    ):
        assert not changed(package, file, append("x = 1")) & {*mixers.names(), "train", "data"}


def test_how_data_are_drawn_trains_nothing_by_itself(package):
    """Training depends on the drawn strings through its input, not through its code."""
    drawn = {"data", "test_data", "recognition_data", "recognition_test_data"}
    assert changed(package, "datasets/sampling.py", append("x = 1")) == drawn
    assert changed(package, "datasets/card.py", append("x = 1")) == {"test_data"}


def test_how_progress_is_shown_reruns_nothing(package):
    assert not changed(package, "status/progress.py", append("x = 1"))


@pytest.mark.parametrize(
    "change",
    [
        append("# a comment"),
        append('"""A string that stands alone."""'),
        append("pass"),
        lambda text: text.replace('"""', '"""Really: ', 1),
        lambda text: text.replace("    ", "        "),
        lambda text: text.replace("(self, ", "(\n            self,\n            "),
        lambda text: text.replace('"', "'") if '"""' not in text else text.replace(", ", ",  "),
        append('__version__ = "3"'),
    ],
)
def test_comments_docstrings_and_layout_rerun_nothing(package, change):
    assert not changed(package, "mixers/elstm.py", change)


def test_every_docstring_and_comment_may_go(package):
    """Writing all files anew from their syntax trees changes layout, quotes and comments."""
    before = prints(package)
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if getattr(node, "body", None) and ast_docstring(node):
                node.body[0].value.value = "something else"
        path.write_text(ast.unparse(tree) + "\n# the end\n", encoding="utf-8")
    assert prints(package) == before


def ast_docstring(node) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node) is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = a + b", "x = a - b"),
        ("x = a + b * c", "x = (a + b) * c"),
        ("f(a, b)", "f(b, a)"),
        ("f(a, *b)", "f(a, b)"),
        ("def f(a, *, b=1): return a", "def f(a, b=1): return a"),
        ("def f(a): return a", "async def f(a): return a"),
        ("x = [1, 2]", "x = (1, 2)"),
        ("if a: b()\nc()", "if a:\n    b()\n    c()"),
        ("x: int = 1", "x = 1"),
        ("a, b = c", "b, a = c"),
        ("lambda: 1", "lambda: 2"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("for a in b: c()\nelse: d()", "for a in b: c()\nd()"),
        ("try: a()\nexcept B: c()", "try: a()\nexcept C: c()"),
        ("@a\ndef f(): return 1", "def f(): return 1"),
        ("from a import b", "from a import b as c"),
        ("x[1:2]", "x[1::2]"),
        ("def f():\n    'doc'\n    return 1", "def f():\n    return 'doc'"),
    ],
)
def test_logic_changes_the_fingerprint(before, after):
    def tokens(text):
        return "".join(syntax._tokens(ast.parse(text)))

    assert tokens(before) != tokens(after)
    assert tokens(before) == tokens(before + "  # comment")


# What a stage reaches -----------------------------------------------------------------------------


def covered(folder: Path, monkeypatch, files: dict[str, str], root: str) -> list[str]:
    """Modules that a small package covers from `root`."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    monkeypatch.setattr(source, "PACKAGE", folder / "fwp")
    monkeypatch.setitem(fingerprints.ROOTS, "stage", (root,))
    return fingerprints.modules("stage")


def test_imports_are_followed_wherever_they_stand(tmp_path, monkeypatch):
    files = {
        "fwp/__init__.py": "",
        "fwp/a.py": """
            import os, fwp.b
            from fwp import c, nothing
            from .sub import d
            from . import e
            def f():
                from fwp.sub.g import x
            if True:
                import fwp.h as y
            importlib.import_module("fwp.i")
            importlib.import_module(f"fwp.{name}")
        """,
        **{f"fwp/{name}.py": "" for name in ("b", "c", "e", "h", "i", "unused")},
        "fwp/sub/__init__.py": "from . import k",
        **{f"fwp/sub/{name}.py": "" for name in ("d", "g", "k", "unused")},
    }
    found = covered(tmp_path, monkeypatch, files, "fwp.a")
    assert found == ["fwp"] + [
        f"fwp.{name}" for name in ("a", "b", "c", "e", "h", "i", "sub", "sub.d", "sub.g", "sub.k")
    ]


def test_modules_that_import_each_other(tmp_path, monkeypatch):
    files = {"fwp/__init__.py": "", "fwp/a.py": "import fwp.b", "fwp/b.py": "import fwp.a"}
    assert covered(tmp_path, monkeypatch, files, "fwp.a") == ["fwp", "fwp.a", "fwp.b"]


def test_c_sources_beside_a_module_count(tmp_path, monkeypatch):
    files = {
        "fwp/__init__.py": "",
        "fwp/a.py": "",
        "fwp/a.c": '#include "shared.h"\n#include <math.h>\nint f(int x) { return x + 1; }\n',
        "fwp/shared.h": "#define N 3\n",
        "fwp/b.c": "int g(void) { return 1; }\n",
    }
    found = covered(tmp_path, monkeypatch, files, "fwp.a")
    assert found == ["fwp", "fwp.a", "fwp.a a.c", "fwp.a shared.h"]
    before = fingerprint("stage")
    for file, text, same in (
        ("a.c", files["fwp/a.c"].replace("{", "{ // why\n   /* and\n how */"), True),
        ("a.c", files["fwp/a.c"].replace("+ 1", "+ 2"), False),
        ("shared.h", "#define  N  3 /* three */\n", True),
        ("shared.h", "#define N 4\n", False),
        ("b.c", "", True),
    ):
        path = tmp_path / "fwp" / file
        old = path.read_text()
        path.write_text(text)
        assert (fingerprint("stage") == before) == same, (file, text)
        path.write_text(old)


def test_a_string_in_c_is_no_comment():
    assert syntax.plain_c('x = "// no"; // yes') == 'x = "// no" ;'
    assert syntax.plain_c("char q = '\"'; /* \" */ y") == "char q = '\"' ; y"


def test_a_module_of_the_users_own_and_its_neighbours_count(tmp_path):
    (tmp_path / "mine.py").write_text("import torch, numpy\nimport helper\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    folders = [tmp_path]
    found = fingerprints.modules("train", "mine", folders=folders)
    assert {"mine", "helper", "fwp.training.train"} <= set(found)
    assert not [name for name in found if name.startswith(("torch", "numpy"))]
    before = fingerprint("train", "mine", folders=folders)
    (tmp_path / "helper.py").write_text("x = 1  # one\n")
    assert fingerprint("train", "mine", folders=folders) == before
    (tmp_path / "helper.py").write_text("x = 2\n")
    assert fingerprint("train", "mine", folders=folders) != before


def test_a_package_of_the_users_own_counts_wherever_it_lies(tmp_path):
    (tmp_path / "lib/models").mkdir(parents=True)
    (tmp_path / "lib/__init__.py").write_text("")
    (tmp_path / "lib/models/__init__.py").write_text("from lib import tools\n")
    (tmp_path / "lib/models/mine.py").write_text("from . import parts\n")
    (tmp_path / "lib/models/parts.py").write_text("")
    (tmp_path / "lib/tools.py").write_text("")
    found = fingerprints.modules("train", "lib.models.mine", folders=[tmp_path])
    assert {"lib", "lib.models", "lib.models.mine", "lib.models.parts", "lib.tools"} <= set(found)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="stage must be one of data, test_data, text_data"):
        fingerprint("training")
    with pytest.raises(ValueError, match=r"module 'fwp\.nothing' has no source file"):
        fingerprint("train", "fwp.nothing")


# The same everywhere ------------------------------------------------------------------------------


def test_the_order_of_modules_does_not_matter():
    a, b = "fwp.mixers.lstm", "fwp.mixers.srwm"
    assert fingerprint("train", a, b) == fingerprint("train", b, a)


def test_a_copy_elsewhere_has_the_same_fingerprints(package):
    """Also in a process of its own, with another hash seed and the files in another order."""
    code = (
        "from fwp.experiment.fingerprint import *; print(fingerprint('train', 'fwp.mixers.srwm'))"
    )
    for seed in "1", "2":
        result = subprocess.run(
            [sys.executable, "-c", code],
            cwd=package.parent,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == fingerprint("train", "fwp.mixers.srwm")


def test_many_models_parse_every_file_once(package, monkeypatch, tmp_path):
    parsed = []
    parse = source._parse

    def listed(path, *status):
        parsed.append(str(path))
        return parse(path, *status)

    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(source, "_parse", listed)
    syntax._kept.cache_clear()
    for i in range(50):
        name = mixers.names()[i % len(mixers.names())]
        fingerprint("train", f"fwp.mixers.{name}")
        fingerprint("evaluate", f"fwp.mixers.{name}")
    syntax._kept.cache_clear()
    assert str(package / "training/train.py") in parsed
    assert len(parsed) == len(set(parsed))
