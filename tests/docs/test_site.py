"""The documentation site: every page is in it, and what is made from the package is complete."""

import inspect
import re
import tomllib
from types import SimpleNamespace

import pytest
from builder import (
    api,
    check,
    equations,
    gallery,
    howto,
    languages,
    markdown,
    models,
    records,
    stage,
)
from packaging.requirements import Requirement
from project import ROOT

import fwp
from fwp.languages import names as all_languages
from fwp.mixers import names as all_mixers

CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
MADE = {path for path in stage.MADE if path.endswith(".md")} | howto.PAGES.keys()


def listed(nav: list) -> list[str]:
    """The pages that a table of contents leads to."""
    return [
        page
        for entry in nav
        for value in ([entry] if isinstance(entry, str) else entry.values())
        for page in ([value] if isinstance(value, str) else listed(value))
    ]


@pytest.fixture
def plain(monkeypatch):
    """LaTeX in place of MathML, whose maker belongs to the site's own environment."""
    monkeypatch.setattr(equations, "_mathml", lambda latex: f"<math>{latex}</math>")


def test_every_page_is_in_the_table_of_contents_once():
    pages = {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} | MADE
    pages |= {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")}
    pages |= {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/records/**/*.md")}
    assert sorted(listed(CONFIG["nav"])) == sorted(pages)


def test_no_page_that_is_made_hides_one_that_is_written():
    assert not [path for path in [*stage.MADE, *howto.PAGES] if (ROOT / path).exists()]


def test_every_model_has_equation_eigenvalues_and_options(plain):
    page = models.page()
    parts = re.split(r"^## ", page, flags=re.M)[1:]
    assert len(parts) == len(all_mixers())
    for part in parts:
        assert "<math>" in part and "eigenvalues of A" in part
        assert '??? note "Options"' in part or "no options" in part
    (deltanet,) = (part for part in parts if part.startswith("DeltaNet {"))
    assert r"S_{t}=S_{t-1}+k_{t}\otimes \beta _{t}(v_{t}-k_{t}S_{t-1})" in deltanet
    assert "| `allow_neg_eigval` | true or false | `false` | whether β is doubled" in deltanet
    assert "DeltaNet still fails on parity" in deltanet  # a claim
    assert "| Parity | 5.1 | 0 |" in deltanet  # of the record


def test_a_model_without_equation_is_named(plain):
    with pytest.raises(markdown.MissingError, match=r"fwp/mixers/mine\.py: .* its equation"):
        models._typeset("A model.\n\nIt has no equation.", "mine")


def test_every_language_is_in_its_table_with_an_example():
    page = languages.page()
    rows = re.findall(r"^\| `(\w+)`", page, re.M)
    assert sorted(rows) == all_languages()
    assert "| `parity` | Parity | <code>0 1</code> | 2&#58; odd, even | <code>011110</code>" in page


def test_the_gallery_has_every_image():
    page = gallery.page()
    images = [*ROOT.glob("docs/images/*.png"), *ROOT.glob("docs/records/*/*.png")]
    assert not [p for p in images if f"]({p.relative_to(ROOT / 'docs')})" not in page]


def test_the_interface_has_every_public_name():
    page = api.page()
    assert {*re.findall(r"^::: fwp\.api\.(\w+)$", page, re.M)} == {*fwp._API}


def test_docstrings_of_the_interface_describe_the_arguments_there_are():
    """One name per line, as the builder of the site asks for; it stops otherwise."""
    for name in fwp._API:
        thing = getattr(fwp, name)
        if inspect.isfunction(thing):
            args = (thing.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0] + "\n"
            described = re.findall(r"^        (\w[^:\n]*): ", args, re.M)
            assert described or "Args:" not in (thing.__doc__ or ""), name
            assert {*described} <= {*inspect.signature(thing).parameters}, name


def test_pages_on_adding_something_have_the_sections_that_say_how():
    pages = howto.pages()
    assert "class Leaky(nn.Module)" in pages["docs/add-a-model.md"]
    assert "### What a mixer must do" in pages["docs/add-a-model.md"]
    assert "](models.md#a-model-of-your-own)" in pages["docs/add-a-model.md"]  # from CONTRIBUTING
    assert "class Mod3(Language)" in pages["docs/add-a-language.md"]
    assert "averages-lose-count" in pages["docs/add-a-claim.md"]


def test_a_section_that_is_gone_is_named():
    with pytest.raises(markdown.MissingError, match=r"docs/models\.md has no heading 'Gone'"):
        markdown.section("docs/models.md", "Gone")


@pytest.mark.parametrize(
    ("link", "page", "moved"),
    [
        ("docs/models.md#a", "CONTRIBUTING.md", "models.md#a"),
        ("#here", "CONTRIBUTING.md", "../CONTRIBUTING.md#here"),
        ("../README.md", "docs/usage.md", "../README.md"),
        ("#claims", "docs/text.md", "text.md#claims"),
        ("https://arxiv.org/abs/1", "docs/text.md", "https://arxiv.org/abs/1"),
    ],
)
def test_links_of_a_section_are_right_in_its_new_place(link, page, moved):
    assert markdown.relink(f"[x]({link})", page) == f"[x]({moved})"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("y_t = q_t S_t", "y_{t}=q_{t}S_{t}"),
        ("β'_t = σ(w'_β x_t)", r"\beta '_{t}=\sigma (w'_{\beta}x_{t})"),
        ("h = W_out √D", r"h=W_{\mathrm{out}}\sqrt{D}"),
        ("w_t = 1 unless gated", r"w_{t}=1\;\text{unless gated}\;"),
        ("a = exp(-e^{-1/2} x)", r"a=\mathrm{exp}(-e^{-1/2}x)"),
        ("output: W y", r"\;\text{output:}\;Wy"),
        ("S ← Π_i A_i", r"S\leftarrow \prod _{i}A_{i}"),
    ],
)
def test_an_equation_of_a_docstring_becomes_latex(text, latex):
    assert equations.to_latex(text) == latex


def test_equations_of_a_line_get_rows_and_remarks_stay_beside_them():
    block = "    S = φ(k) ⊗ v        no normaliser\n    y = q S        z = y"
    remark = r"S=\phi (k)\otimes v\qquad \;\text{no normaliser}\;"
    assert equations.rows(block) == [remark, "y=qS", "z=y"]


def test_prose_keeps_its_code_and_lowers_indices():
    text = "S_t is `S_t` with W_{t-1} * 2 <= [1]"
    lowered = "<i>S</i><sub>t</sub> is `S_t` with <i>W</i><sub>t-1</sub>"
    assert equations.inline(text) == rf"{lowered} \* 2 &lt;= \[1\]"


def test_links_that_lead_nowhere_and_files_from_afar_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#there"></a><a href="b.html#lost"></a>'
        '<a href="c.html"></a><a href="#top"></a><a href="https://example.org"></a>'
        '<script src="https://example.org/x.js"></script>',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<p id="there"><img src="no.png">', encoding="utf-8")
    (tmp_path / "c.css").write_text("@import url(//example.org/font.css);", encoding="utf-8")
    assert sorted(check.faults(tmp_path)) == [
        "a.html: a browser would fetch https://example.org/x.js",
        "a.html: the link b.html#lost leads to no heading of its page",
        "a.html: the link c.html leads to no file",
        "b.html: the link no.png leads to no file",
        "c.css: a browser would fetch //example.org/font.css",
    ]


def test_the_tools_of_the_site_are_locked_as_pyproject_asks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "envs/docs.lock").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w-]+)==(\S+) \\\n    --hash=sha256:", lock, re.M))
    for wanted in map(Requirement, project["dependency-groups"]["docs"]):
        assert pins[wanted.name] in wanted.specifier, wanted


def test_a_record_with_tables_gets_a_page_to_explore(monkeypatch, tmp_path):
    record, home = tmp_path / "docs/records/mine", tmp_path / "pages/docs/records/mine"
    for folder in (record, home):
        folder.mkdir(parents=True)
        (folder / "README.md").write_text("# Mine\n\nText.\n", encoding="utf-8")
    (record.parent / "other").mkdir()
    (record / "cells.json.gz").touch()
    made = []
    monkeypatch.setattr(records, "OpenRecord", lambda path: SimpleNamespace(folder=path))
    monkeypatch.setattr(records, "write_explored", lambda *own, **more: made.append((own, more)))
    assert records.write_pages(tmp_path / "pages", tmp_path) == [home / "explorer.html"]
    assert made == [((record, home / "explorer.html"), {"title": "Mine", "back": "index.html"})]
    assert "](explorer.html)" in (home / "README.md").read_text(encoding="utf-8")
