"""What papers claim of the models and languages of the atlas."""

from pathlib import Path

import pandas as pd
import pytest

from fwp.claims.claim import LIBRARY, REACH, read_claims
from fwp.claims.judge import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDETERMINED, judge
from fwp.experiment.experiment import load_experiment
from fwp.results.frames import ACCURACY, finish

SEEDS = 10  # as in the atlas
LENGTHS = {"2-50": 50, "51-100": 100, "101-200": 200, "201-500": 500, "501-1000": 1000}
BINS = list(LENGTHS)
FILES = sorted(LIBRARY.glob("atlas_*.yaml"))
CLAIMS = {claim.name: claim for claim in read_claims(FILES)}


@pytest.fixture(scope="module")
def atlas():
    return load_experiment("workflow/presets/atlas.yaml")


@pytest.fixture(scope="module")
def groups(atlas):
    return {name: task["group"] for name, task in atlas.config["tasks"].items()}


def accuracies(cells):
    """A table of runs that get all or no strings of a bin right: (task, model) → those bins."""
    rows = []
    for (task, model), right in cells.items():
        for seed in range(SEEDS):
            for bin, length in LENGTHS.items():
                share = float(bin in right)
                for of in (pd.NA, length):
                    rows.append((task, model, seed, "budget", bin, of, 5, share, share))
    return finish(pd.DataFrame(rows, columns=list(ACCURACY)), ACCURACY)


def outcome(claim, atlas, groups, *, as_claimed):
    """Runs of which everything holds that a claim says, or nothing."""
    cells = {}
    for criterion in claim.criteria:
        tasks, models = criterion.tasks, criterion.models
        models = atlas.models if models == ("*",) else models
        # A claim that few cells do something holds if none of them does.
        holds = as_claimed == (criterion.share_below is None)
        if tasks == ("*",):
            chosen = criterion.groups or groups.values()
            tasks = [task for task, group in groups.items() if group in chosen]
        for task in tasks:
            for model in models:
                right = cells.setdefault((task, model), set())
                if criterion.statistic == REACH:
                    right |= {*BINS} if holds else set()
                    cells[task, criterion.further_than] = set() if holds else {*BINS}
                elif holds == (criterion.at_least is not None):
                    right |= {BINS[bin] if isinstance(bin, int) else bin for bin in criterion.bins}
    return accuracies(cells)


def test_the_atlas_names_every_file_that_is_about_it(atlas, groups):
    assert {file.stem for file in FILES} <= {Path(file).stem for file in atlas.claims}
    for claim in CLAIMS.values():
        assert claim.source and claim.text
        for criterion in claim.criteria:
            others = {criterion.further_than, criterion.more_than} - {None}
            assert {*criterion.models} | others <= {*atlas.models, "*"}, claim.name
            assert {*criterion.tasks} <= {*atlas.tasks, "*"}, claim.name
            assert {*criterion.groups} <= {*groups.values()}, claim.name
            assert {bin for bin in criterion.bins if isinstance(bin, str)} <= {*BINS}, claim.name


@pytest.mark.parametrize("name", CLAIMS)
def test_ten_seeds_decide_every_claim_either_way(name, atlas, groups):
    claim = CLAIMS[name]
    for as_claimed, verdict in ((True, SUPPORTED), (False, CONTRADICTED)):
        table = outcome(claim, atlas, groups, as_claimed=as_claimed)
        (judged,) = judge([claim], table, groups=groups)
        assert (judged.verdict, judged.missing) == (verdict, [])


def test_a_part_of_the_atlas_is_judged_as_far_as_it_goes(groups):
    cells = {("parity", model): {*BINS} for model in ("lstm", "gla", "mamba3")}
    cells |= {("dyck_1", "lstm"): {*BINS}}
    judged = {
        one.claim.name: one for one in judge(CLAIMS.values(), accuracies(cells), groups=groups)
    }
    assert judged.keys() == CLAIMS.keys()
    # One cell is enough to contradict a claim, and not to support it.
    assert judged["positive-eigenvalues-track-no-parity"].verdict == CONTRADICTED
    lstm = judged["lstm-learns-periods"]
    assert lstm.verdict == UNDETERMINED and len(lstm.evidence) == 2 and lstm.missing
    assert judged["two-reflections-learn-groups"].verdict == NOT_TESTED
    # A claim about a class is about the languages of the results.
    assert judged["lstm-solves-counter-languages"].verdict == SUPPORTED
    assert all(
        one.missing or not one.evidence for one in judged.values() if one.verdict == NOT_TESTED
    )


def test_no_claim_promises_what_a_theorem_forbids(atlas):
    from fwp import languages
    from fwp.constructions.answers import answer
    from fwp.mixers._signature import read_signature

    answers = {}
    for claim in CLAIMS.values():
        promised = [c for c in claim.criteria if c.at_least is not None and c.share_below is None]
        cells = {
            (m, t) for one in promised for m in one.models for t in one.tasks if "*" not in (m, t)
        }
        for model, task in cells:
            if (model, task) not in answers:
                settings, entry = atlas.config["models"][model], atlas.config["tasks"][task]
                mixer = settings["mixer"]
                options = {k: v for k, v in settings.items() if k in read_signature(mixer).options}
                language = languages.get(entry["language"], **entry.get("params", {}))
                answers[model, task] = answer(mixer, language, options).verdict
            assert answers[model, task] != "impossible", f"{claim.name}: {model} on {task}"
