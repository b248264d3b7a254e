"""The page of all mixers: equation, state, eigenvalues, claims, options, measured accuracy.

Nothing is written here by hand. Equations and options are in the docstrings of fwp/mixers/,
eigenvalues in the table of docs/models.md, claims in fwp/claims/library/, accuracies in a record.
"""

import ast
import csv
import re
from collections import defaultdict

import yaml

from builder import equations
from builder.markdown import ROOT, MissingError, as_table, table
from fwp import mixers
from fwp.mixers._option import NAMES, Option
from fwp.mixers._signature import Signature, read_signature
from fwp.report.labels import percent, task
from fwp.utils import source

RECORD = "docs/records/default-cpu"
INTRODUCTION = """# Models, one by one

Every mixer of the package, by its name in the config. This page is made from the docstrings of
`fwp/mixers/`, the [table of eigenvalues](models.md#table), the claims of the literature that the
package tests, and a [record](records/default-cpu/README.md).

Notation: row vectors, per head. σ is the logistic function, ∘ the product unit by unit, ⊗ the outer
product. [Models](models.md) explains what eigenvalues have to do with tracking a state.
"""


def page() -> str:
    """The page in Markdown. MissingError if a mixer has no equation or no row of eigenvalues."""
    powers, claims, measured = _powers(), _claims(), _measured()
    signatures = {name: read_signature(name) for name in mixers.names()}
    ordered = sorted(signatures, key=lambda name: signatures[name].facts.title.lower())
    overview = [
        [f"[{signatures[n].facts.title}](#{n})", f"`{n}`", _state(signatures[n]), _first(powers[n])]
        for n in ordered
    ]
    header = ["model", "`mixer:`", "state", "eigenvalues of the transition"]
    parts = [INTRODUCTION, as_table(header, overview)]
    parts += [_model(name, signatures[name], powers[name], claims, measured) for name in ordered]
    return "\n".join(parts)


def _model(name: str, signature: Signature, power: list, claims: dict, measured: dict) -> str:
    module, text = _docstrings(name, signature.cls)
    prose, _, arguments = text.partition("\nArgs:\n")
    title = signature.facts.title
    parts = [f"## {title} {{ #{name} }}\n"]
    parts.append(
        f"`mixer: {name}`, defined in `fwp/mixers/{name}.py`. {equations.inline(module)}\n"
    )
    parts.append(_typeset(prose, name))
    header = ["mixer", "state", "transition A", "eigenvalues of A", "published consequences"]
    parts.append("**What its state can do**\n")
    parts.append(as_table(header, power) + "\n[Sources](models.md#sources) of the letters.\n")
    if claims[name]:
        parts.append("Claims that [the package tests](usage.md#claims):\n")
        parts += [f"- {equations.escape(text)} *({source})*" for text, source in claims[name]]
        parts.append("")
    if name in measured:
        parts.append(_accuracies(measured[name]))
    parts.append(_options(signature, arguments))
    return "\n".join(parts)


def _docstrings(name: str, cls: str) -> tuple[str, str]:
    """The docstrings of the module and of the class, without importing them."""
    tree = source.parse(ROOT / "fwp/mixers" / f"{name}.py")
    (node,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls)
    return ast.get_docstring(tree) or "", ast.get_docstring(node) or ""


def _typeset(prose: str, name: str) -> str:
    """The paragraphs of a docstring; indented blocks are equations."""
    paragraphs, found = re.split(r"\n\s*\n", prose.partition("\nRaises:\n")[0]), False
    parts = []
    for paragraph in paragraphs:
        if paragraph.startswith("    "):
            found = True
            parts.append(equations.display(paragraph))
        else:
            parts.append(equations.inline(paragraph))
    if not found:
        raise MissingError(
            f"fwp/mixers/{name}.py: the docstring of the class must have its equation, in a block "
            "that is indented by four spaces"
        )
    return "\n\n".join(parts) + "\n"


def _state(signature: Signature) -> str:
    names = ", ".join(signature.facts.state_names)
    return names + " (grows with the string)" * signature.facts.state_grows


def _first(rows: list[list[str]]) -> str:
    return rows[0][3] or rows[0][2]


def _powers() -> dict[str, list[list[str]]]:
    """Rows of the table in docs/models.md, for each mixer that their first cell names."""
    powers = defaultdict(list)
    for row in table("docs/models.md", "Table"):
        for name in re.findall(r"`(\w+)`", row[0].partition(" with ")[0]):
            powers[name].append(row)
    if missing := sorted({*mixers.names()} - powers.keys()):
        raise MissingError(f"the table of docs/models.md has no row for {', '.join(missing)}")
    return powers


def _claims() -> dict[str, list[tuple[str, str]]]:
    """Text and source of the claims about each mixer, by the name of the model they judge."""
    found = defaultdict(list)
    for path in sorted((ROOT / "fwp/claims/library").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for claim in content["claims"].values():
            named = [criterion["models"] for criterion in claim["criteria"]]
            flat = {m for one in named for m in ([one] if isinstance(one, str) else one)}
            source = claim.get("source") or content.get("source", "")
            for name in flat & {*mixers.names()}:
                found[name].append((" ".join(claim["text"].split()), source))
    return found


def _measured() -> dict[str, dict[str, dict[str, float]]]:
    """Mean sequence accuracy of the default grid: mixer → task → bin."""
    found = defaultdict(lambda: defaultdict(dict))
    with (ROOT / RECORD / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["run"] == rows[0]["run"]:
            found[row["model"]][row["task"]][row["bin"]] = float(row["mean"])
    return found


def _accuracies(tasks: dict[str, dict[str, float]]) -> str:
    bins = list(next(iter(tasks.values())))
    rows = [[task(t), *(percent(cells[b]) for b in bins)] for t, cells in tasks.items()]
    return (
        "Mean sequence accuracy in per cent by length, in the "
        "[record of the default grid](records/default-cpu/README.md):\n\n"
        + as_table(["task", *bins], rows)
    )


def _options(signature: Signature, arguments: str) -> str:
    described = {
        found[1]: " ".join(found[2].split())
        for found in re.finditer(r"^    ([\w, ]+): ((?:.*\n?)(?:^        .*\n?)*)", arguments, re.M)
    }
    texts = {name.strip(): text for names, text in described.items() for name in names.split(",")}
    rows = [
        [f"`{name}`", _values(option), _default(option), equations.inline(texts.get(name, ""))]
        for name, option in signature.options.items()
    ]
    if not rows:
        return "This mixer has no options.\n"
    body = as_table(["option", "values", "default", "meaning"], rows)
    return '??? note "Options"\n\n' + "".join(f"    {line}\n" for line in body.splitlines())


def _values(option: Option) -> str:
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    return " or ".join(NAMES[kind] for kind in option.types)


def _default(option: Option) -> str:
    value = option.default
    plain = {True: "true", False: "false", None: "null"}
    shown = plain[value] if isinstance(value, bool) or value is None else value
    return "required" if option.required else f"`{shown}`"
