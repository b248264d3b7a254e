"""The README's code works as it stands there."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fwp.claims.claim import read_claims
from fwp.models.sequence_model import SequenceModel

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def block(word: str) -> str:
    (found,) = [text for text in BLOCKS if word in text]
    return found


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
    model = SequenceModel(3, 2, mixer="readme_mixer:Leaky", hidden=8, options={"bias": True})
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


def test_the_claim_is_one(tmp_path):
    text = README.read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    (claim,) = read_claims([tmp_path / "mine.yaml"])
    assert [one.models for one in claim.criteria] == [("leaky",), ("lstm",)]


def test_the_ten_lines(capsys):
    exec(compile(block("from fwp.models.sequence_model import build"), "README", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("solved after ")
    assert [line.split()[0] for line in lines[1:]] == ["2-50", "51-100", "501-1000"]
    assert lines[1].split()[1] == "1.0"
