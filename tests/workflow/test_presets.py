"""What presets promise about themselves, and that the command in their first lines does it."""

import re
from pathlib import Path

import pytest
from project import copy_project, load_preset, snakemake

from fwp.experiment.experiment import load_experiment
from fwp.metalearning import grid as metalearning
from fwp.pomdp import grid as pomdp_grid
from fwp.results import pairwise
from fwp.retrieval import grid as retrieval

ROOT = Path(__file__).parents[2]
PRESETS = sorted(ROOT.glob("workflow/presets/*.yaml"))


def settings(found, model):
    """Everything about a model that a variant might change."""
    cell = found.cell(model, "parity")
    sizes = {k: getattr(cell.model, k) for k in ("hidden", "layers", "feed_forward", "wiring")}
    return cell.training.as_dict() | cell.model.options | sizes


@pytest.mark.parametrize("preset", ["ablation", "robustness"])
def test_variants_differ_from_their_model_in_one_part(preset):
    found = load_experiment(ROOT / f"workflow/presets/{preset}.yaml")
    base = load_experiment(ROOT / "workflow/presets/plain.yaml")
    models = {base.signature(model).module: model for model in base.models}
    for model in found.models:
        own = settings(base, models[found.signature(model).module])
        changed = [key for key, value in settings(found, model).items() if value != own[key]]
        assert len(changed) == (model not in base.models), (model, changed)


@pytest.mark.parametrize("preset", ["ablation", "robustness"])
def test_there_are_seeds_enough_to_tell_models_apart(preset):
    found = load_experiment(ROOT / f"workflow/presets/{preset}.yaml")
    pairs = len(found.models) * (len(found.models) - 1) // 2
    assert len(found.seeds) >= pairwise.fewest(pairs)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_what_a_preset_refers_to_is_there(preset):
    named = re.findall(r"\b(?:docs|fwp|workflow)/[\w./-]*\w", preset.read_text(encoding="utf-8"))
    assert str(preset.relative_to(ROOT)) in named  # the command that runs it
    assert not [path for path in named if not (ROOT / path).exists()]


def head(preset: Path) -> str:
    """The comment before the first key, as one line."""
    lines = preset.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return " ".join(line.lstrip("# ") for line in lines[:end])


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_the_first_lines_say_what_a_preset_makes_at_what_cost_and_how(preset):
    found, text = load_preset(preset), head(preset)
    command = f"snakemake --cores all --configfile {preset.relative_to(ROOT)}"
    assert command in text and text.count("snakemake ") == 1
    makes, count, what, costs = re.search(
        r"Makes ([\w, ]+) from (\d+) (training jobs|runs): (.+?)\.", text
    ).groups()
    kinds = "report|states|automata|error_control|retrieval|metalearning|pomdp"
    assert re.findall(kinds, makes) == found.targets
    if what == "training jobs":
        runs = found.jobs()
    elif found.targets == ["metalearning"]:
        runs = metalearning.jobs(found)
    elif found.targets == ["pomdp"]:
        pomdp_grid.check(found)
        runs = pomdp_grid.jobs(found)
    else:
        runs = retrieval.jobs(found.config["retrieval"])
    assert len(list(runs)) == int(count)
    assert "on two cores" in costs


@pytest.mark.workflow
@pytest.mark.xdist_group("workflow")
@pytest.mark.parametrize(
    ("preset", "rules"),
    [
        ("retrieval", {"retrieve": 146, "retrieval": 1}),
        ("metalearning", {"metalearn": 60, "metalearning": 1}),
        ("long", {"train": 48, "evaluate": 48, "trace": 48, "states": 1, "report": 1}),
        ("known_entropy", {"collect_text": 1, "text_tables": 1, "text_figures": 1, "report": 1}),
    ],
)
def test_the_command_of_a_preset_plans_what_it_is_for(preset, rules, tmp_path):
    folder = copy_project(tmp_path / "lab", (ROOT / "config.yaml").read_text(encoding="utf-8"))
    path = f"workflow/presets/{preset}.yaml"
    result = snakemake(folder, "-n", "--quiet", "rules", "--configfile", path)
    planned = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", result.stdout, re.M)}
    assert rules.items() <= planned.items(), result.stdout
    if preset in ("retrieval", "metalearning"):
        assert planned.keys() == {*rules, "all", "total"}
    if preset == "known_entropy":  # nothing that is of strings
        assert not planned.keys() & {"collect", "summarise", "tables", "figures"}
