"""What presets promise about themselves."""

import re
from pathlib import Path

import pytest

from fwp.experiment.experiment import load_experiment
from fwp.results import pairwise

ROOT = Path(__file__).parents[2]


def settings(found, model):
    """Everything about a model that a variant might change."""
    cell = found.cell(model, "parity")
    sizes = {k: getattr(cell.model, k) for k in ("hidden", "layers", "feed_forward", "wiring")}
    return cell.training.as_dict() | cell.model.options | sizes


@pytest.mark.parametrize("preset", ["ablation", "robustness"])
def test_variants_differ_from_their_model_in_one_part(preset):
    found = load_experiment(ROOT / f"workflow/presets/{preset}.yaml")
    base = load_experiment(ROOT / "config.yaml")
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


@pytest.mark.parametrize(
    "preset", sorted(ROOT.glob("workflow/presets/*.yaml")), ids=lambda p: p.stem
)
def test_what_a_preset_refers_to_is_there(preset):
    named = re.findall(r"\b(?:docs|fwp|workflow)/[\w./-]*\w", preset.read_text(encoding="utf-8"))
    assert str(preset.relative_to(ROOT)) in named  # the command that runs it
    assert not [path for path in named if not (ROOT / path).exists()]
