"""How the results were made: rules, jobs, times, files, software, code, and commands to run again.

All of it is read from what jobs left beside their results, so that it is right for a part of a grid
and for a copy of the folder. Only the config and the commands are told by the workflow.
"""

import csv
import os
import platform
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from fwp.report.overview import duration
from fwp.report.rule_graph import HEIGHT, WIDTH, draw
from fwp.report.stages import Stage, taking_part
from fwp.results import record as records_of_cells
from fwp.utils.checkout import commit

PACKAGES = (
    *("snakemake", "numpy", "pandas", "scipy", "statsmodels", "matplotlib", "seaborn", "jinja2"),
    *("altair", "vl-convert-python"),
    *("optuna", "tokenizers", "sacrebleu", "aalpy", "networkx"),
)
"""Whose versions are listed, where they are installed."""

FACTS = ("blas", "os", "kernels", "cuda")
"""What is said of a machine beside its name, in the words of `fwp.training.machine`."""


def chapter(
    folder: Path,
    records: Mapping[tuple[str, str], Mapping],
    *,
    search: bool,
    told: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the template `made.html.j2` shows.

    Args:
        folder: of the results.
        records: (task, model) → the record of a cell, with `groups`, its folders in cells/, and
            `data`, what its task is about: strings or text.
        search: whether settings were searched.
        told: what the workflow knows and the results do not: config (with all defaults), codes
            (fingerprints by rule), configs (files), arguments (of snakemake), changes (of the
            config, as `fwp train --set` takes them).
    """
    told = told or {}
    kinds = {"strings" if one["data"] == "strings" else "texts" for one in records.values()}
    stages = taking_part(*kinds, *(["search"] * search))
    present = {stage.name for stage in stages}
    after = {stage.name: [a for a in stage.after if a in present] for stage in stages}
    trained = {record["config"].get("code", {}).get("train", "") for record in records.values()}
    codes = {**told.get("codes", {}), "train": sorted(trained - {""})}
    rows = [_row(stage, folder, records, codes) for stage in stages]
    configs = [str(path) for path in told.get("configs", ["config.yaml"])]
    return {
        "rules": rows,
        "graph": draw(after),
        "box": (WIDTH, HEIGHT),
        "jobs": sum(row["jobs"] for row in rows),
        "timed": sum(row["timed"] for row in rows),
        "time": _time(sum(row["seconds"] for row in rows)),
        "config": _as_yaml(told["config"]) if "config" in told else None,
        "configs": configs,
        "commands": _commands(records, configs, told),
        "cells": _machines(records),
        "versions": _versions(),
        "commit": commit(),
    }


# Rules --------------------------------------------------------------------------------------------


def _row(stage: Stage, folder: Path, records: Mapping, codes: Mapping[str, list[str]]) -> dict:
    """What is shown of a rule: jobs, times, memory, files, script, settings and code."""
    owners = _owners(stage, folder, records)
    places = {owner: folder / stage.folder.format(owner) for owner in owners}
    found = {
        owner: measured
        for owner, place in places.items()
        if (measured := _benchmark(place / f"{stage.stem}.benchmark.tsv"))
    }
    longest = max(found, key=lambda owner: found[owner][0], default=None)
    unknown = {"task": "<task>", "cell": "<task>/<model>/<seeds>", "search": "<task>/<model>"}
    shown = stage.folder.format(unknown.get(stage.per, ""))
    sizes = [_sizes(place, stage.files) for place in places.values()]
    return {
        "name": stage.name,
        "does": stage.does,
        "jobs": len(owners),
        "timed": len(found),
        "seconds": sum(seconds for seconds, _ in found.values()),
        "time": _time(sum(seconds for seconds, _ in found.values())) if found else "–",
        "longest": _time(found[longest][0]) if longest is not None else "–",
        "longest_of": longest,
        "memory": f"{max(mb for _, mb in found.values()):,.0f} MB" if found else "–",
        "files": [_file(shown, name, folder) for name in stage.files],
        "count": sum(len(own) for own in sizes),
        "size": _size(sum(size for own in sizes for size in own)),
        "log": _file(shown, f"{stage.stem}.log", folder),
        "settings": stage.settings,
        "codes": codes.get(stage.name, []),
    }


def _owners(stage: Stage, folder: Path, records: Mapping) -> list[str]:
    """The tasks or cells that a rule has a job for, as parts of paths; one empty text for all."""
    if stage.per == "task":
        return list(dict.fromkeys(task for task, _ in records))
    if stage.per == "cell":
        return [group for record in records.values() for group in record["groups"]]
    if stage.per == "search":
        names = (f"{task}/{model}" for task, model in records)
        return [name for name in names if (folder / "search" / name / "chosen.json").exists()]
    return [""]


def _benchmark(path: Path) -> tuple[float, float] | None:
    """Seconds and megabytes of the last time that a job ran; None if nobody knows."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        return float(row["s"]), _number(row["max_rss"])
    except (OSError, StopIteration, KeyError, ValueError, TypeError):
        return None


def _number(text: str) -> float:
    """A number; 0 for what Snakemake could not measure in so short a time."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _sizes(folder: Path, names: Iterable[str]) -> list[int]:
    """Sizes in bytes of the files that are there."""
    paths = [path for name in names for path in _named(folder, name)]
    return [path.stat().st_size for path in paths if path.is_file()]


def _named(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(name)) if "*" in name else [folder / name]


def _file(shown: str, name: str, folder: Path) -> dict[str, str | None]:
    """A file's name, and a link to it if it is a single one that is there."""
    path = os.path.normpath(f"{shown}/{name}")
    single = "*" not in path and "<" not in path and name != "report.html"
    return {"name": path, "link": path if single and (folder / path).exists() else None}


# Software, config and commands --------------------------------------------------------------------


def _machines(records: Mapping) -> list[dict[str, Any]]:
    """On what cells were trained, by what, and by which commit: an entry per combination."""
    number: Counter = Counter()
    for record in records.values():
        facts = record.get("machine", {})
        what = (
            records_of_cells.machine(record),
            tuple(f"{key} {facts[key]}" for key in FACTS if facts.get(key) is not None),
            tuple(f"{name} {version}" for name, version in record.get("versions", {}).items()),
            facts.get("commit"),
            facts.get("fwp"),
        )
        number[what] += 1
    names = ("machine", "facts", "versions", "commit", "fwp")
    return [
        dict(zip(names, what, strict=True)) | {"cells": count}
        for what, count in number.most_common()
    ]


def _versions() -> list[str]:
    """Versions of what drew tables, figures and this page."""
    found = [f"Python {platform.python_version()}"]
    for name in ("fwp-lab", *PACKAGES):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def _commands(
    records: Mapping, configs: Sequence[str], told: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """What commands do, and the commands."""
    again = shlex.join(["snakemake", "--cores", "all", *told.get("arguments", [])])
    commands = [
        ("Run what is missing or has changed", again),
        ("Show what would run, and why", f"{again} --dry-run"),
        ("Draw all data again, and train and measure everything", f"{again} --forcerun data"),
        ("Write Snakemake's own report, file by file", f"{again} --report snakemake.zip"),
    ]
    if first := next(iter(records.values()), None):
        one = ["fwp", "train", "--config", *configs]
        one += [word for change in told.get("changes", []) for word in ("--set", change)]
        one += ["--model", first["model"], "--task", first["task"]]
        one += ["--seed", str(first["runs"][0]["seed"])]
        commands.append(("Train one cell, and print its accuracy", shlex.join(one)))
    return commands


def _as_yaml(config: Mapping) -> str:
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)


# Numbers ------------------------------------------------------------------------------------------


def _time(seconds: float) -> str:
    return duration(seconds) if seconds >= 10 else f"{seconds:.1f} s"


def _size(size: float) -> str:
    for unit, base in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= base:
            return f"{size / base:,.1f} {unit}"
    return f"{size:.0f} B"
