"""`fwp check`: the properties that every mixer and every language must have, tried on one."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fwp.commands import check_fla
from fwp.utils import signals
from fwp.utils.imports import make_importable

if TYPE_CHECKING:
    from fwp.models.check import Finding

STYLES = {"ok": "green", "fails": "bold red", "skipped": "yellow", "is so": "cyan"}


def run(options: Namespace) -> None:
    """Print a row per property; ValueError if one that must hold fails."""
    if options.name == "fla":
        check_fla.run(options)
        return
    with signals.deferred():  # an exception within the import of PyTorch would be swallowed
        from fwp.models.check import HIDDEN, Finding, read_options, try_properties

    folders = [*([options.config.parent] if options.config else []), Path()]
    make_importable(folders)
    settings = read_options(options.set)
    if _is_language(options.name):
        from fwp import languages
        from fwp.languages._properties import check_language

        language = languages.get(options.name, **settings)
        findings = [
            Finding(title, "fails" if fault else "ok", fault or "")
            for title, fault in check_language(language).items()
        ]
    else:
        settings = {"hidden": HIDDEN} | settings
        findings = try_properties(
            options.name, folders, options.device, learn=options.learn, **settings
        )
    console = Console(stderr=True)
    with console.status(f"Trying {options.name} …"):
        findings = list(findings)
    if options.json:
        print(json.dumps(_as_json(options, settings, findings), indent=2, ensure_ascii=False))
    else:
        _show(findings)
    if fails := sum(finding.verdict == "fails" for finding in findings):
        raise ValueError(f"{options.name} fails in {fails} of its properties")


def _show(findings: "Sequence[Finding]") -> None:
    console, rows = Console(highlight=False), []
    for finding in findings:
        verdict = finding.verdict.upper() if finding.verdict == "fails" else finding.verdict
        rows.append((verdict, finding.name, finding.found))
    if not console.is_terminal:  # a line per property, for other programs
        width = max((len(name) for _, name, _ in rows), default=0)
        for verdict, name, found in rows:
            print(f"{verdict:<7}  {name:<{width}}  {found}".rstrip())
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for verdict, name, found in rows:
        table.add_row(Text(verdict.ljust(7), STYLES[verdict.lower()]), Text(name), Text(found))
    console.print(table)


def _as_json(options: Namespace, settings: dict, findings: "Sequence[Finding]") -> dict:
    import torch

    device = torch.cuda.get_device_name() if options.device == "cuda" else options.device
    return {
        "name": options.name,
        "settings": settings,
        "device": device,
        "torch": torch.__version__,
        "findings": [asdict(finding) for finding in findings],
    }


def _is_language(name: str) -> bool:
    """Whether a name is that of a language, in the package or in a module of the user's own."""
    import importlib

    from fwp import languages
    from fwp.languages import Language

    module, _, own = name.partition(":")
    if not own:
        return name in languages.names()
    try:
        found = getattr(importlib.import_module(module), own, None)
    except ImportError:  # told by whoever needs it
        return False
    return isinstance(found, type) and issubclass(found, Language)
