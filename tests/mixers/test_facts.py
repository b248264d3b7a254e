"""What mixers say of themselves, and what is read of it."""

import pytest
import torch
from matplotlib.colors import is_color_like

from fwp import mixers
from fwp.mixers._signature import read_signature
from fwp.report.figures.style import DASHES

OWN = """
class Base(Module):
    state_names = ("a", "b")

class Mine(Base):
    title = "My Mixer"
    latex = compute()
    look = 3

    def __init__(self, hidden):
        title = "not this"

    def forward(self, x, state=None):
        title = "nor this"
"""


@pytest.mark.parametrize("name", mixers.names())
def test_every_mixer_says_what_tables_and_figures_need(name):
    facts = read_signature(name).facts
    assert facts.title and facts.title != name
    if facts.look:
        colour, dashes, marker = facts.look
        assert is_color_like(colour) and dashes in DASHES and marker


@pytest.mark.parametrize("name", mixers.names())
def test_the_parts_of_the_state_have_names_and_grow_as_said(name):
    facts = read_signature(name).facts
    mixer = mixers.get(name)(8)
    x = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))
    short, long = (mixer(x[:, :length])[1] for length in (3, 6))
    assert len(facts.state_names) == len(long)
    grows = any(a.shape != b.shape for a, b in zip(short, long, strict=True))
    assert grows == facts.state_grows


def test_titles_differ():
    titles = [read_signature(name).facts.title for name in mixers.names()]
    assert len(set(titles)) == len(titles)


def test_facts_are_read_without_running_the_file(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    facts = read_signature("mine:Mine", [tmp_path]).facts
    assert (facts.title, facts.state_names) == ("My Mixer", ("a", "b"))
    assert (facts.latex, facts.look, facts.state_grows) == ("", (), False)
