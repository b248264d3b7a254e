"""Languages of the user's own, outside this folder: "my_module:MyLanguage".

Unlike a mixer, such a class is imported while a run is planned. A file of its own, without PyTorch,
keeps planning fast.
"""

import importlib
import inspect
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from fwp.languages.base import Language
from fwp.utils import source
from fwp.utils.suggest import suggestion


class OwnLanguageError(ValueError):
    """A class that does not exist or is no language; the message says what is wrong."""


def load(name: str, folders: Sequence[str | Path] = ()) -> type[Language]:
    """The class "my_module:MyLanguage".

    Args:
        name: as in the config.
        folders: where its module is looked for first; Python must look into them, too.

    Raises:
        OwnLanguageError: the module is missing or broken, or the class is no language.
    """
    module, _, attribute = name.partition(":")
    path = source.find(module, folders)
    if path is None:
        raise OwnLanguageError(
            "names a module that cannot be found; it is looked for beside the config, in the "
            "current folder and on Python's path"
        )
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None and Path(loaded).resolve() != path.resolve():
        del sys.modules[module]  # of another folder, from an earlier experiment
    importlib.invalidate_caches()
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise OwnLanguageError(
            f"names a module that cannot be imported: {blame(error, path)}"
        ) from error
    classes = [k for k, v in vars(found).items() if _is_language(v) and v.__module__ == module]
    cls = getattr(found, attribute, None)
    if cls is None or not _is_language(cls):
        raise OwnLanguageError(
            f"must name a class of {path.name} that inherits from fwp.languages.base.Language; "
            f"it has {', '.join(classes) or 'none'}{suggestion(attribute, classes)}"
        )
    if missing := sorted(cls.__abstractmethods__):
        raise OwnLanguageError(f"names a class that lacks the method {', '.join(missing)}")
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise OwnLanguageError(
                f"names a class whose parameter {parameter.name} is not keyword-only: write "
                f"def __init__(self, *, {parameter.name})"
            )
    if not hasattr(cls, "name"):
        cls.name = attribute
    return cls


def blame(error: BaseException, path: Path | None) -> str:
    """An exception in one line, with the line of the file that raised it."""
    kind, text = type(error).__name__, " ".join(str(error).split())
    told = f"{kind}: {text}" if text else kind
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if path is not None and Path(frame.filename).resolve() == path.resolve()
    ]
    if path is not None and lines:
        return f"{told} (line {lines[-1]} of {path.name})"
    return told


def _is_language(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Language) and found is not Language
