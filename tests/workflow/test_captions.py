"""The texts of the report, rendered as Snakemake renders them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment, StrictUndefined

# It comes with Snakemake, which a machine that only computes may lack.
publish_parts = pytest.importorskip("docutils.core").publish_parts

# docutils renames an argument of publish_parts; Snakemake passes the old one too.
pytestmark = pytest.mark.filterwarnings("ignore:Argument .writer_name:PendingDeprecationWarning")

FOLDER = Path(__file__).parents[2] / "workflow" / "report"
FIGURES = ["atlas.svg", "heatmap.svg", "length.svg", "strip.svg", "solved.svg", "learning.svg"]
TARGETS = [*FIGURES, "summary.html", "claims.html", "datasets.html"]
SEARCH = ["search.html", "search_settings.svg", "search_best.svg"]  # where settings are searched
TEXT = ["texts.html", "text_position.svg", "text_state.svg", "text_tokens.svg", "text_seconds.svg"]
TEXT += ["translation_length.svg", "translation_pairs.svg", "translation_seconds.svg"]
INSIDE = ["states.svg", "memory.svg", "accuracy_by_state.svg", "states_table.csv"]
INSIDE += ["automata.svg", "automata_table.csv"]
INSIDE += ["error_control.svg", "error_control_table.csv", "minimal_automata.csv"]
LINKS = "".join(f"\n\n.. _{target}: javascript:show('{target}')" for target in TARGETS)


def render(path, grid=None, targets=TARGETS, links=LINKS):
    snakemake = SimpleNamespace(config={"grid": grid} if grid else {})
    files = [SimpleNamespace(target=target) for target in targets]
    text = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        path.read_text(encoding="utf-8") + (links if targets else "")
    )
    text = text.render(snakemake=snakemake, categories={}, files=files)
    strict = {"halt_level": 2, "report_level": 2}  # a warning ends in an exception
    return publish_parts(text, writer_name="html", settings_overrides=strict)["html_body"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.rst")), ids=lambda path: path.stem)
def test_captions_are_valid(path):
    assert "<p>" in render(path)


def test_there_is_a_caption_for_everything_in_the_report():
    stems = {path.stem for path in FOLDER.glob("*.rst")}
    assert stems >= {target.split(".")[0] for target in [*TARGETS, *SEARCH, *TEXT, *INSIDE]} | {
        "workflow"
    }


def test_front_page_counts_runs_and_links_to_results():
    grid = {"models": ["a", "b"], "tasks": ["p"], "seeds": [0, 1, 2]}
    page = " ".join(render(FOLDER / "workflow.rst", grid).split())
    assert "2 models on 1 formal language, each" in page and "6 training runs" in page
    for target in set(TARGETS) - {"strip.svg", "solved.svg"}:
        assert f"href=\"javascript:show('{target}')\"" in page.replace("&#39;", "'")


def test_front_page_names_a_search_where_there_is_one():
    assert "search" not in render(FOLDER / "workflow.rst")
    text = f"{LINKS}\n\n.. _search.html: javascript:show('search.html')"
    page = render(FOLDER / "workflow.rst", targets=[*TARGETS, "search.html"], links=text)
    assert "with fresh seeds" in page and "search.html" in page


def test_front_page_has_a_blank_behind_every_sentence():
    targets = [*TARGETS, "search.html", "texts.html"]
    links = "".join(f"\n\n.. _{target}: javascript:show('{target}')" for target in targets)
    grid = {"models": ["a"], "tasks": ["p"], "texts": ["play"], "seeds": [0]}
    page = render(FOLDER / "workflow.rst", grid, targets, links)
    text = re.sub(r"<[^>]+>", "", page)
    assert not re.findall(r"[a-z)][.:][A-Z`]", text) and "`" not in text


def test_front_page_without_results_has_no_dead_links():
    page = render(FOLDER / "workflow.rst", targets=[])
    assert "heat map" in page and "href" not in page
    assert "training runs." not in page


def test_front_page_counts_texts():
    grid = {"models": ["a"], "tasks": [], "texts": ["play"], "seeds": [0, 1]}
    page = " ".join(render(FOLDER / "workflow.rst", grid).split())
    assert "1 model on 1 text, each" in page and "2 training runs" in page
    assert "formal language" not in page and "heat map" not in page
    mixed = grid | {"tasks": ["p", "q"]}
    page = " ".join(render(FOLDER / "workflow.rst", mixed).split())
    assert "1 model on 2 formal languages and 1 text, each" in page and "6 training runs" in page
