"""Verdicts on claims as a file, claims.json: judged once, and read by the report."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from fwp.claims.claim import Claim, Criterion
from fwp.claims.judge import UNDETERMINED, Evidence, Judgement, settling
from fwp.claims.shares import Share
from fwp.results.integrity import check_sum, damaged, read_bytes
from fwp.utils.files import write_json


def write_judgements(judgements: Iterable[Judgement], path: str | Path) -> None:
    """Write verdicts with all their evidence."""
    write_json(path, [_plain(asdict(judged)) for judged in judgements])


def read_judgements(path: str | Path) -> list[Judgement]:
    """Read what `write_judgements` wrote.

    A file of an earlier version says nothing of searches and of added seeds: then the fields of
    evidence have their defaults.

    Raises:
        ResultsError: the file is missing, damaged or not what was written.
    """
    try:
        found = [_judgement(**entry) for entry in json.loads(read_bytes(path))]
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise damaged(path, f"not verdicts on claims, or cut short ({error})") from None
    check_sum(path)
    return found


def _judgement(
    claim: dict,
    verdict: str,
    evidence: list[dict],
    missing: list[list],
    shares: Iterable[dict] = (),
    **more: int | None,
) -> Judgement:
    claim["criteria"] = tuple(map(_criterion, claim["criteria"]))
    cells = [(task, model, bin) for task, model, bin in missing]
    items = list(map(_evidence, evidence))
    if not more and verdict == UNDETERMINED:  # an earlier version left it to the reader
        more = {"more": settling(items, cells)}
    kept = tuple(map(_share, shares))
    return Judgement(Claim(**claim), verdict, items, cells, shares=kept, **more)


def _share(entry: dict) -> Share:
    entry["criterion"] = _criterion(entry["criterion"])
    return Share(**entry)


def _criterion(entry: dict) -> Criterion:
    for key in ("models", "tasks", "bins", "positions", "groups"):
        entry[key] = tuple(entry.get(key, ()))
    return Criterion(**entry)


def _evidence(entry: dict) -> Evidence:
    entry["criterion"] = _criterion(entry["criterion"])
    for key in ("low", "high", "p", "threshold", "other_value"):
        entry[key] = math.nan if entry.get(key) is None else entry[key]
    return Evidence(**entry)


def _plain(value: object) -> object:
    """The value with null in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
