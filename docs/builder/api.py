"""The page of the Python interface; mkdocstrings puts the docstrings where it says `:::`."""

import ast

from builder.markdown import read

INTRODUCTION = """# Python interface

`import fwp` offers these functions and classes, each loaded when it is used. The
[README](../README.md#without-the-pipeline) has an example. [Usage](usage.md#from-python) says how
to read results.
"""
BASES = ("fwp.languages.base.Language", "fwp.kernels.op.Op", "fwp.models.check.Finding")
"""What those derive from, or get, who add something."""


def page() -> str:
    """A section for each name that `import fwp` offers, and for the base classes."""
    (names,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(read("fwp/api.py")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    chapters = {
        "Functions": [f"fwp.api.{name}" for name in sorted(names) if name[0].islower()],
        "What they return": [f"fwp.api.{name}" for name in sorted(names) if name[0].isupper()],
        "To add something": BASES,
    }
    blocks = [
        f"## {heading}\n\n" + "\n".join(f"::: {path}\n" for path in paths)
        for heading, paths in chapters.items()
    ]
    return "\n".join([INTRODUCTION, *blocks])
