"""The code of the README and of the pages works as it stands there."""

import importlib
import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import synthetic
import torch
import yaml
from tiny import model as settings_of

from fwp.claims.claim import read_claims
from fwp.config import schema
from fwp.experiment.experiment import load_experiment
from fwp.models.sequence_model import SequenceModel
from fwp.results.collect import collect_results, write_results

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
# The tutorial is one program: tests/analysis/test_tutorial.py.
PAGES = [page for page in PAGES if page.name != "tutorial.md"]
# <!-- not run: the reason --> right before a block excepts it.
FENCED = r"^((?:<!-- not run: [^>]+ -->\n+)?)```{kind}\n(.*?)^```$"
INDENTED = r"(?<=\n\n)(?:    .*\n|\n(?= {4}))+"


def blocks(page: Path, kind: str) -> list[str]:
    """The blocks of a page in a language, those of Python also where they are indented."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(FENCED.format(kind=kind), text, re.DOTALL | re.MULTILINE)
    found = [code for excepted, code in fenced if not excepted]
    if kind == "python":
        indented = map(textwrap.dedent, re.findall(INDENTED, text))
        found += [code for code in indented if re.match(r"(?:import|from) \w", code)]
    return found


BLOCKS = {
    kind: [text for page in PAGES for text in blocks(page, kind)] for kind in ("python", "yaml")
}


def block(word: str, kind: str = "python") -> str:
    (found,) = [text for text in BLOCKS[kind] if word in text]
    return found


ELSEWHERE = ["gru = fwp.adapt", "class Average"]
"""In blocks that tests/mixers/test_adapt.py runs."""


def test_every_block_of_code_is_tested():
    tested = re.findall(r'[( ]block\("([^"]+)"', Path(__file__).read_text(encoding="utf-8"))
    tested += ELSEWHERE
    assert not [text for text in BLOCKS["python"] if not any(word in text for word in tested)]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a block to a module of its own and import it."""

    def load(name: str, text: str):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    return load


def test_the_mixer_streams(module):
    module("readme_mixer", block("class Leaky"))
    model = SequenceModel(3, 2, settings_of("readme_mixer:Leaky", hidden=8, options={"bias": True}))
    tokens = torch.randint(3, (2, 9), generator=torch.Generator().manual_seed(0))
    whole, _ = model(tokens)
    first, state = model(tokens[:, :4])
    second, _ = model(tokens[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)


def test_the_wrapper_of_a_layer_streams(module):
    module("readme_wrapper", block("class MyGRU"))
    model = SequenceModel(3, 2, settings_of("readme_wrapper:MyGRU", hidden=8))
    tokens = torch.randint(3, (2, 9), generator=torch.Generator().manual_seed(0))
    whole, _ = model(tokens)
    first, state = model(tokens[:, :4])
    second, _ = model(tokens[:, 4:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)


def test_the_language_counts_modulo_three(module):
    language = module("readme_language", block("class Mod3")).Mod3()
    assert language.label("110101") == [1, 2, 2, 0, 0, 1]
    strings = language.sample(np.random.default_rng(0), 20, 3, 12)
    assert all(string.count("1") % 3 == 0 for string in strings)


def test_a_construction_is_asked_for_and_built():
    names: dict = {}
    exec(block("build_construction"), names)
    answer, parity = names["answer"], names["parity"]
    assert answer("gla", parity).verdict == "impossible"
    assert answer("gla", parity).source.startswith("Grazzi et al. 2025")
    assert isinstance(names["model"], SequenceModel)


def test_the_claims_are_claims(tmp_path):
    found = {}
    for text in BLOCKS["yaml"]:
        if text.startswith("claims:"):
            (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
            (claim,) = read_claims([tmp_path / "mine.yaml"])
            found[claim.name] = [one.models for one in claim.criteria]
    assert [("leaky",), ("lstm",)] in found.values()
    assert [("deltanet",), ("deltanet",)] in found.values()


def test_a_piece_of_a_config_is_one(tmp_path):
    """Models, tasks and searches of the pages: they satisfy the schema, and languages exist."""
    whole = "models: { lstm: { mixer: lstm } }\n"
    blocks = [text for text in BLOCKS["yaml"] if not text.startswith(("claims:", "search:"))]
    assert blocks
    for text in blocks:
        text = text.replace("extends: config.yaml", f"extends: {ROOT / 'config.yaml'}")
        if text.startswith(("metalearning:", "pomdp:")):
            text = f"extends: {ROOT / 'config.yaml'}\n{text}"
        text = text if text.startswith(("models:", "tasks:", "extends:")) else f"tasks:\n{text}"
        text = text if "models:" in text else whole + text
        if re.search(r"\bfiles?:", text):  # which only their reader has
            assert not schema.check(yaml.safe_load(text))[1]
            continue
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        load_experiment(tmp_path / "config.yaml")


def test_a_search_is_one_of_the_default_experiment(tmp_path):
    blocks = [text for text in BLOCKS["yaml"] if text.startswith("search:")]
    assert len(blocks) > 1
    for text in blocks:
        path = tmp_path / "config.yaml"
        whole = "next_symbols" in text  # a loss of tasks that ask about whole strings
        preset, cells = ("flare", 6 * 18) if whole else ("plain", 7 * 8)
        base = ROOT / f"workflow/presets/{preset}.yaml"
        path.write_text(f"extends: {base}\n{text}", encoding="utf-8")
        assert len(load_experiment(path).searches()) == cells


def test_the_lines_without_the_pipeline(capsys):
    names = {}
    exec(compile(block("(501, 1000)"), "README", "exec"), names)
    first, header, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("solved after ")
    assert "sequence_accuracy" in header
    bins = names["accuracy"][names["accuracy"].length.isna()]
    assert [str(lengths) for lengths in bins.bin] == ["2-50", "51-100", "501-1000"]
    assert bins.sequence_accuracy.iloc[0] == 1.0


def test_the_lines_that_reflect_a_bit(capsys):
    """With fewer strings than the page has, so that it takes no time."""
    code = block("allow_neg_eigval=True").replace('"parity"', '"parity", counts=(500, 20, 20)')
    names = {}
    exec(compile(code, "docs/start.md", "exec"), names)
    assert "sequence_accuracy" in capsys.readouterr().out


def test_the_lines_that_read_an_experiment_and_results(tmp_path, monkeypatch):
    cells = synthetic.write_grid(tmp_path / "results")
    write_results(collect_results(cells), tmp_path / "results/tables")
    synthetic.seal_tables(tmp_path / "results/tables")
    (tmp_path / "config.yaml").symlink_to(ROOT / "config.yaml")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(block("fwp.load_experiment"), "docs/usage.md", "exec"), names)
    assert "srwm" in names["experiment"].models
    assert len(names["results"].accuracy)


def test_the_lines_that_read_strings_of_ones_own(tmp_path, monkeypatch):
    """On files of the kind that the page shows: strings, and whether the 1s are even so far."""
    rng = np.random.default_rng(0)
    for name, count in (("train", 60), ("test", 20)):
        drawn = ("".join(rng.choice(["0", "1"], rng.integers(5, 9))) for _ in range(count))
        strings = [*dict.fromkeys(drawn)]
        labels = ("".join("eo"[s[: i + 1].count("1") % 2] for i in range(len(s))) for s in strings)
        rows = [f"{pair[0]},{pair[1]}" for pair in zip(strings, labels, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["string,labels", *rows, ""]))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(block("fwp.read_dataset"), "docs/data.md", "exec"), names)
    assert len(names["accuracy"])
