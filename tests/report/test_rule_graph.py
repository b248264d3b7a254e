"""Where rules stand in the drawing of a workflow."""

import re
from itertools import pairwise

import pytest

from fwp.report.rule_graph import HEIGHT, WIDTH, direct, draw
from fwp.report.stages import STAGES, taking_part

CHAIN = {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["a", "c"]}


def test_arrows_that_others_imply_are_left_out():
    assert direct(CHAIN) == {"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}


def test_a_rule_stands_right_of_what_it_needs():
    drawing = draw(CHAIN)
    assert [box.name for box in drawing.boxes] == list(CHAIN)
    lefts = [box.x for box in drawing.boxes]
    assert all(a + WIDTH < b for a, b in pairwise(lefts))
    assert drawing.width == lefts[-1] + WIDTH and drawing.height == HEIGHT


@pytest.mark.parametrize("kinds", [("strings",), ("texts",), ("strings", "texts", "search")])
def test_nothing_lies_on_anything_else(kinds):
    stages = taking_part(*kinds)
    named = {stage.name for stage in stages}
    drawing = draw({s.name: [a for a in s.after if a in named] for s in stages})
    for i, a in enumerate(drawing.boxes):
        assert 0 <= a.x <= drawing.width - WIDTH and 0 <= a.y <= drawing.height - HEIGHT
        for b in drawing.boxes[:i]:
            assert abs(a.x - b.x) >= WIDTH or abs(a.y - b.y) >= HEIGHT
    # Where an arrow is level below or above boxes, it passes them.
    for arrow in drawing.arrows:
        for x, y, end in re.findall(r"([\d.]+),([\d.]+) H([\d.]+)", arrow):
            passed = [box for box in drawing.boxes if box.x == float(x)]
            assert float(end) == float(x) + WIDTH
            assert all(not box.y <= float(y) <= box.y + HEIGHT for box in passed)


def test_rules_are_listed_behind_what_they_need():
    seen = set()
    for stage in STAGES:
        assert seen.issuperset(stage.after), stage.name
        seen.add(stage.name)
