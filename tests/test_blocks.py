"""Commands and pieces of configs in the pages: their options and keys exist."""

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml
from test_docs import CURRENT as PAGES
from test_docs import name, prose

from fwp import cli
from fwp.config import schema

OTHERS = {"executor", "claims"}  # a profile of Snakemake; claims have a schema of their own


def indented(page: Path) -> str:
    """The indented blocks of a page, lines that go on put together."""
    lines = re.findall(r"^ {4}(.*)$", page.read_text(encoding="utf-8"), re.M)
    return re.sub(r"\\\n *", "", "\n".join(lines))


def commands(page: Path, program: str) -> list[list[str]]:
    """The commands of a page, split like a shell does; what a reader fills in is one word."""
    lines = [line for line in indented(page).splitlines() if line.startswith(program + " ")]
    lines = [re.sub(r"<[^>]+>", "PLACE", line).partition(" > ")[0] for line in lines]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def inline(page: Path, program: str) -> list[list[str]]:
    """The commands within sentences, which may be cut short."""
    spans = re.findall(rf"`({program} [^`]*)`", prose(page))
    return [re.sub(r"[<>\[\]]", "", span).split()[1:] for span in spans]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_of_fwp_has_its_options(page):
    for words in commands(page, "fwp"):
        try:
            cli.parser().parse_args(words)
        except SystemExit as error:
            pytest.fail(f"fwp {shlex.join(words)}: the parser exits with {error.code}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_in_a_sentence_has_its_options(page):
    known = vars(cli.parser()._subparsers._group_actions[0])["choices"]
    for command, *words in inline(page, "fwp"):
        assert command in known, f"fwp {command}"
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert not [o for o in options if o not in known[command]._option_string_actions]


def test_every_command_of_snakemake_has_its_options():
    from snakemake.cli import get_argument_parser

    parser = get_argument_parser()
    known = {option for action in parser._actions for option in action.option_strings}
    for page in PAGES:
        for words in [*commands(page, "snakemake"), *inline(page, "snakemake")]:
            options = [word.partition("=")[0] for word in words if word.startswith("-")]
            assert not [o for o in options if o not in known], f"{name(page)}: {words}"


def pieces(page: Path) -> list[dict]:
    """Mappings in the indented blocks and in the sentences of a page: `model: { dropout: 0.1 }`."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = re.findall(r"`(\w+: \{[^`…]*\})`", prose(page))
    found += map(textwrap.dedent, re.findall(r"(?<=\n\n)(?: {4}.*\n)+", text))
    mappings = []
    for piece in found:
        if not re.match(r"\w+:(?: |$)", piece, re.M) or "…" in piece:
            continue
        mappings.append(yaml.safe_load(piece))
    return mappings


def configs(piece: dict) -> list[dict]:
    """Configs with the piece in the places where it may belong."""
    config = {"models": {"m": {"mixer": "lstm"}}, "tasks": {"t": {"language": "parity"}}}
    if piece.keys() & schema.rules()["properties"].keys():
        return [config | piece]
    task = [piece, {"language": "regex", **piece}, {"text": piece}, {"translation": piece}]
    places = [{"tasks": {"t": one}} for one in task]
    places += [{"models": piece}, {"tasks": piece}, {"search": {"space": {"heads": [1]}, **piece}}]
    return [config | place for place in places]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_piece_of_a_config_is_one(page):
    for piece in pieces(page):
        if not piece.keys() & OTHERS:
            faults = [schema.check(config)[1] for config in configs(piece)]
            assert not all(faults), f"{piece}: {faults[0]}"


def test_a_piece_of_a_config_with_a_key_that_does_not_exist_is_found():
    for piece in (
        {"model": {"hidden_": 8}},
        {"t": {"laguage_": "parity"}},
        {"text": {"file_s": "a"}},
    ):
        assert all(schema.check(config)[1] for config in configs(piece)), piece
