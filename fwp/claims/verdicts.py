"""Verdicts on claims as a file, claims.json: judged once, and read by the report."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from fwp.claims.claim import Claim, Criterion
from fwp.claims.judge import Evidence, Judgement
from fwp.results.record import ResultsError
from fwp.utils.files import write_json


def write_judgements(judgements: Iterable[Judgement], path: str | Path) -> None:
    """Write verdicts with all their evidence."""
    write_json(path, [_plain(asdict(judged)) for judged in judgements])


def read_judgements(path: str | Path) -> list[Judgement]:
    """Read what `write_judgements` wrote.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    try:
        return [_judgement(**entry) for entry in json.loads(Path(path).read_bytes())]
    except FileNotFoundError:
        raise ResultsError(f"{path}: the file is missing") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ResultsError(f"{path}: not verdicts on claims, or cut short ({error})") from None


def _judgement(claim: dict, verdict: str, evidence: list[dict], missing: list[list]) -> Judgement:
    criteria = tuple(map(_criterion, claim["criteria"]))
    return Judgement(
        Claim(**claim | {"criteria": criteria}),
        verdict,
        list(map(_evidence, evidence)),
        [(task, model, bin) for task, model, bin in missing],
    )


def _criterion(entry: dict) -> Criterion:
    return Criterion(**entry | {key: tuple(entry[key]) for key in ("models", "tasks", "bins")})


def _evidence(entry: dict) -> Evidence:
    numbers = {key: math.nan for key in ("low", "high", "p") if entry[key] is None}
    return Evidence(**entry | numbers | {"criterion": _criterion(entry["criterion"])})


def _plain(value: object) -> object:
    """The value with null in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
