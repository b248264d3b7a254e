"""Fingerprints of code: which results are outdated when a file changes.

Snakemake does not notice edits to imported modules. The fingerprint of a stage is a hash of the
syntax trees of all modules of this package (and of the user's own) that the stage imports,
directly or through others. Docstrings, comments and formatting are not part of a syntax tree or are
removed from it, so that they rerun nothing; a changed line of logic reruns the stages that can
reach it, and no other. Mixers and languages are loaded by name (`importlib`), which no import
statement shows: that keeps them apart, and the module of the one in use is given by the caller.
C and CUDA sources that lie beside a module (`mine.py`, `mine.c`) count as part of it. So do the
backends of an op, `native.py`, `triton.py` and `triton_chunks.py` beside its `__init__.py`: no
other file in a package of `fwp` may have such a name. The module of a cell's gradient,
`fwp.training.bptt` or `rtrl`, is given by the caller, too, and so are the modules of the kind of
its task (`fwp.training.kind`).
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from fwp.experiment import syntax
from fwp.experiment.syntax import read_syntax
from fwp.utils import source

ROOTS = {
    "data": ("fwp.datasets.dataset", "fwp.datasets.sampling"),
    "test_data": ("fwp.datasets.dataset", "fwp.datasets.sampling", "fwp.datasets.card"),
    "text_data": ("fwp.datasets.text.build",),
    "text_test_data": ("fwp.datasets.text.build", "fwp.datasets.text.card"),
    "translation_data": ("fwp.datasets.text.build_pairs",),
    "translation_test_data": ("fwp.datasets.text.build_pairs", "fwp.datasets.text.card_pairs"),
    "files_data": ("fwp.datasets.files.build",),
    "recognition_data": ("fwp.datasets.recognition.build",),
    "recognition_test_data": (
        "fwp.datasets.recognition.build",
        "fwp.datasets.recognition.card",
    ),
    "files_test_data": ("fwp.datasets.files.build", "fwp.datasets.files.card"),
    "search": ("fwp.training.search",),
    "train": ("fwp.training.train",),
    "evaluate": ("fwp.training.evaluate",),
    "collect": ("fwp.results.collect", "fwp.results.names", "fwp.results.unfinished"),
    "collect_text": (
        *("fwp.results.text", "fwp.results.samples"),
        *("fwp.results.names", "fwp.results.unfinished"),
    ),
    "text_tables": ("fwp.report.tables.text", "fwp.results.samples"),
    "text_figures": ("fwp.report.figures.texts", "fwp.results.unfinished"),
    "summarise": ("fwp.results.summary",),
    "tables": ("fwp.report.tables.summary", "fwp.report.tables.datasets"),
    "atlas": (
        *("fwp.report.figures.atlas", "fwp.report.tables.atlas"),
        *("fwp.results.collect", "fwp.datasets.card_reader"),
    ),
    "figures": ("fwp.report.figures.write", "fwp.results.collect", "fwp.results.unfinished"),
    "search_tables": ("fwp.report.tables.search", "fwp.results.collect", "fwp.results.trials"),
    "search_figures": (
        "fwp.report.figures.search",
        "fwp.results.every_run",
        "fwp.results.unfinished",
    ),
    "retrieval": ("fwp.retrieval.training",),
    "retrieval_report": ("fwp.retrieval.report",),
    "pomdp": ("fwp.pomdp.learning",),
    "pomdp_report": ("fwp.pomdp.report",),
    "metalearning": ("fwp.metalearning.training",),
    "metalearning_report": ("fwp.metalearning.report", "fwp.metalearning.figure"),
    "claims": ("fwp.claims.verdicts", "fwp.report.tables.claims", "fwp.results.every_run"),
    "report": ("fwp.report.page",),
    "trace": ("fwp.analysis.traces",),
    "states": (
        "fwp.report.figures.states",
        "fwp.report.figures.recall",
        "fwp.report.tables.states",
        "fwp.results.collect",
        "fwp.datasets.card_reader",
    ),
    "automaton": ("fwp.analysis.automata",),
    "automata": ("fwp.report.figures.automaton", "fwp.report.tables.automata"),
    "control": ("fwp.analysis.control",),
    "error_control": (
        *("fwp.report.figures.error_control", "fwp.report.tables.error_control"),
        "fwp.report.tables.automata",
    ),
}
"""Modules that each rule of the workflow starts from."""

INERT = (
    *("fwp.api", "fwp.kernels.c_cache", "fwp.models.contract", "fwp.results.integrity"),
    *("fwp.training.machine", "fwp.utils.checkout", "fwp.utils.devices", "fwp.utils.gpus"),
    *("fwp.utils.signals", "fwp.utils.suggest"),
)
"""Modules that no result depends on: what is refused, where a job computes and keeps its kernels,
how it stops, how a message is worded.

`fwp.api` is what `fwp` itself loads, for users.
"""

COMPILED = (".c", ".cpp", ".cu")


def fingerprint(stage: str, *modules: str, folders: Sequence[str | Path] = ()) -> str:
    """Hash of the code that `stage` runs; the same on every machine and in every order.

    Args:
        stage: a key of `ROOTS`.
        modules: further modules that the stage loads by name, such as the mixer's.
        folders: where modules of the user's own are looked for first.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: an unknown stage, or a module without a source file.
    """
    if stage not in ROOTS:
        raise ValueError(f"stage must be one of {', '.join(ROOTS)}, got {stage!r}")
    digest = hashlib.sha256()
    for name, file in sorted(_reachable((*ROOTS[stage], *modules), folders).items()):
        digest.update(f"{name}\n{read_syntax(file, name).hash}\n".encode())
    syntax.save()
    return digest.hexdigest()[:16]


def modules(stage: str, *modules: str, folders: Sequence[str | Path] = ()) -> list[str]:
    """Names of all modules (and C files) that the fingerprint covers, sorted; to look into it."""
    return sorted(_reachable((*ROOTS[stage], *modules), folders))


def files(stage: str, *modules: str, folders: Sequence[str | Path] = ()) -> set[Path]:
    """The files that the fingerprint covers."""
    return {path.resolve() for path in _reachable((*ROOTS[stage], *modules), folders).values()}


def _reachable(roots: tuple[str, ...], folders: Sequence[str | Path]) -> dict[str, Path]:
    """Files by module name: everything that `roots` import, followed transitively."""
    found: dict[str, Path] = {}
    absent: set[str] = set()  # most are names of functions, imported by many modules
    waiting = [(root, True) for root in roots]
    # A user's module may import its neighbours, which change results just as it does.
    own = {"fwp", *(root.partition(".")[0] for root in roots)}
    places = (source.find(top, folders) for top in own)
    neighbours = {file.parent for file in places if file and file.name != "__init__.py"}
    while waiting:
        name, needed = waiting.pop()
        if name in found or name in INERT or source.is_standard(name):
            continue
        if name in absent and not needed:
            continue
        top = name.partition(".")[0]
        file = _find(name, folders) if top in own or neighbours else None
        if file is None or not (top in own or _lies_in(file, name, neighbours)):
            if needed:
                raise ValueError(f"module {name!r} has no source file that could be found")
            absent.add(name)
            continue
        found[name] = file
        waiting += [(parent, False) for parent in _parents(name)]
        waiting += [(other, False) for other in read_syntax(file, name).imports]
        found |= {f"{name} {c.name}": c for c in _compiled(file)}
        waiting += [(f"{name}.{backend}", False) for backend in _backends(file)]
    return found


def _find(name: str, folders: Sequence[str | Path]) -> Path | None:
    """As `source.find`; quicker within this package, as a plan asks for thousands of modules."""
    below = name.removeprefix(f"{source.PACKAGE.name}.")
    if below == name:
        return source.find(name, folders)
    path = f"{source.PACKAGE}/{below.replace('.', '/')}"
    files = (f"{path}.py", f"{path}/__init__.py")
    return next((Path(file) for file in files if os.path.isfile(file)), None)  # noqa: PTH113


def _lies_in(file: Path, name: str, folders: set[Path]) -> bool:
    """Whether the top-level package or module that `name` belongs to lies in one of `folders`."""
    depth = name.count(".") + (file.name == "__init__.py")
    return file.parents[depth] in folders


def _parents(name: str) -> list[str]:
    """Packages around a module: importing it runs their `__init__` first."""
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _backends(file: Path) -> list[str]:
    """Backends in files beside an op's reference, which are loaded by name (`fwp.kernels.op`)."""
    if file.name != "__init__.py":
        return []
    names = ("native", "triton", "triton_chunks")
    return [name for name in names if file.with_name(f"{name}.py").is_file()]


def _compiled(file: Path) -> list[Path]:
    """C and CUDA sources beside a module, and the headers of the folder that they include."""
    stem = os.path.splitext(file)[0]  # noqa: PTH122 - faster than paths, for hundreds of files
    found = [Path(stem + x) for x in COMPILED if os.path.isfile(stem + x)]  # noqa: PTH113
    for path in found:  # grows meanwhile
        for header in re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text("utf-8"), re.M):
            other = (path.parent / header).resolve()
            if other.is_file() and other not in found:
                found.append(other)
    return found
