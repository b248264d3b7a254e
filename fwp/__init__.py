"""Fast weight programmers on formal languages: models, languages, training and evaluation.

The functions of `fwp.api` are here too, loaded when asked for: `import fwp` itself costs nothing,
and the parts that need no PyTorch do not load it. The package knows nothing of Snakemake.
"""

import importlib

__version__ = "0.2.0"

_API = (
    *("Dataset", "Experiment", "build_model", "check", "evaluate", "load_dataset"),
    *("load_experiment", "load_model", "load_results", "make_dataset", "make_text"),
    *("save_dataset", "train"),
)
# Names that came later. Fingerprints leave `__all__` out: no result depends on what has a name.
__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    *(
        _API := (
            *_API,
            *("adapt", "build_construction", "compare", "load_status", "read_dataset"),
            "show_mistake",
        )
    )
]


def __getattr__(name: str):
    if name in _API:
        return getattr(importlib.import_module("fwp.api"), name)
    raise AttributeError(f"module 'fwp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_API])
