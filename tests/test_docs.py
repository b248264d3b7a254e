"""What the pages say is where it is: files, links, headings, commands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
# A changelog also names what is there no more.
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]

TOP = ["docs", "envs", "fwp", "profiles", "tests", "workflow"]
PATH = re.compile(rf"(?:\.\./)*(?:{'|'.join(TOP)})(?:/[^\s/]+)*/?")
FILE = re.compile(r"[\w.-]+\.(?:cff|lock|md|toml|yaml)|Makefile|Snakefile|LICENSE")
USERS_OWN = {"my_claims.yaml", "own.yaml"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"^(?: {4}|\t).*$", "", text, flags=re.M)


def code(page: Path) -> str:
    """The indented blocks of a page: commands, trees of folders, pieces of a config."""
    return "\n".join(re.findall(r"^ {4}(.*)$", page.read_text(encoding="utf-8"), re.M))


def exists(path: str) -> bool:
    """Whether there is a file; <name> and * stand for any. Containers are built by a command."""
    pattern = re.sub(r"<\w+>", "*", path).removeprefix("../").rstrip("/")
    return path.endswith(".sif") or any(ROOT.glob(pattern))


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_every_file_that_is_named_is_there(page):
    named = re.findall(r"`([^`\s]+)`", prose(page))
    paths = [text for text in named if PATH.fullmatch(text) or FILE.fullmatch(text)]
    beside = {file.name for file in page.parent.iterdir()}
    lost = [path for path in paths if not exists(path) and path not in beside | USERS_OWN]
    assert not lost


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_every_file_in_a_command_is_there(page):
    named = re.findall(rf"(?<![\w./])(?:{'|'.join(TOP)})/[\w./-]*\w", code(page))
    assert not [path for path in named if not exists(path)]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_of_make_is_there(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [*re.findall(r"`([^`]+)`", prose(page)), *code(page).splitlines()]
    named = [m[1] for text in commands if (m := re.match(r"make ([a-z-]+)", text))]
    assert not [target for target in named if f"\n{target}:" not in makefile]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_of_snakemake_is_there(page):
    rules = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "workflow/rules").glob("*.smk"))
    commands = [*re.findall(r"`([^`]+)`", prose(page)), *code(page).splitlines()]
    named = [m[1] for text in commands if (m := re.match(r"snakemake ([a-z_]+)", text))]
    assert not [rule for rule in named if f"\nrule {rule}:" not in rules]


def test_every_preset_is_listed():
    listed = re.findall(r"^\| `(workflow/presets/\w+\.yaml)`", prose(ROOT / "docs/usage.md"), re.M)
    presets = [name(file) for file in ROOT.glob("workflow/presets/*.yaml")]
    assert sorted(listed) == sorted(presets)


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert any(line.startswith("![") for line in lines[:15])
