"""`fwp check`: the properties that every mixer and every language must have, tried on one."""

from argparse import Namespace
from pathlib import Path

from fwp.utils import signals
from fwp.utils.imports import make_importable


def run(options: Namespace) -> None:
    """Print one line per property; ValueError if one fails."""
    with signals.deferred():  # an exception within the import of PyTorch would be swallowed
        from fwp.models.check import HIDDEN, Finding, read_options, try_properties

    folders = [*([options.config.parent] if options.config else []), Path()]
    make_importable(folders)
    settings, fails = read_options(options.set), 0
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
        findings = try_properties(options.name, folders, options.device, **settings)
    for finding in findings:
        print(finding, flush=True)
        fails += finding.verdict == "fails"
    if fails:
        raise ValueError(f"{options.name} fails in {fails} of its properties")


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
