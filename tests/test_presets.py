"""What presets promise about themselves."""

from pathlib import Path

import pytest

from fwp import comparison, experiment

ROOT = Path(__file__).parents[1]


def settings(found, model):
    """Everything about a model that a variant might change."""
    cell = found.cell(model, "parity")
    sizes = {key: cell["model"][key] for key in ("hidden", "layers", "feed_forward", "wiring")}
    return cell["training"] | cell["model"]["options"] | sizes


@pytest.mark.parametrize("preset", ["ablation", "robustness"])
def test_variants_differ_from_their_model_in_one_part(preset):
    found = experiment.load(ROOT / f"workflow/presets/{preset}.yaml")
    base = experiment.load(ROOT / "config.yaml")
    models = {base.signature(model).module: model for model in base.models}
    for model in found.models:
        own = settings(base, models[found.signature(model).module])
        changed = [key for key, value in settings(found, model).items() if value != own[key]]
        assert len(changed) == (model not in base.models), (model, changed)


@pytest.mark.parametrize("preset", ["ablation", "robustness"])
def test_there_are_seeds_enough_to_tell_models_apart(preset):
    found = experiment.load(ROOT / f"workflow/presets/{preset}.yaml")
    pairs = len(found.models) * (len(found.models) - 1) // 2
    assert len(found.seeds) >= comparison.fewest(pairs)
