"""The workflow as a module of another one: the example in examples/module/."""

import shutil

import pytest
from project import ROOT, planned, run, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

SMALL = ("--config", "set=seeds=1 training.epochs=1 data.train.count=100")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example in a folder elsewhere; its own figure has been drawn."""
    folder = tmp_path_factory.mktemp("own") / "module"
    shutil.copytree(ROOT / "examples/module", folder)
    text = (folder / "Snakefile").read_text()
    assert '"../../workflow/Snakefile"' in text
    path = f'"{ROOT}/workflow/Snakefile"'
    (folder / "Snakefile").write_text(text.replace('"../../workflow/Snakefile"', path))
    run(folder, *SMALL, "--", "lengths")
    return folder


def test_a_rule_of_ones_own_builds_on_the_results(example):
    assert "<svg" in (example / "results/lengths.svg").read_text()
    for model in ("flip", "linear_transformer"):
        assert (example / f"results/cells/parity/{model}/seed-0/model.safetensors").is_file()


def test_what_is_left_of_it_is_planned(example):
    """By default, all that the workflow of one's own asks for; its module has no word in that."""
    left = {"fwp_atlas", "fwp_claims", "fwp_figures", "fwp_report", "fwp_summarise", "fwp_tables"}
    left |= {"all"}
    assert planned(example, *SMALL) == dict.fromkeys(left, 1)


def test_a_changed_mixer_trains_its_own_cells_alone(example):
    path = example / "my_module.py"
    path.write_text(path.read_text().replace("torch.tanh", "torch.sin"))
    jobs = planned(example, *SMALL, "--", "lengths")
    assert jobs == {"fwp_train": 1, "fwp_evaluate": 1, "fwp_collect": 1, "lengths": 1}


def test_a_mistake_is_told_without_a_trace(example):
    found = snakemake(example, "-n", "--config", "models={flip: {mixer: 'my_module:Flop'}}")
    assert found.returncode == 1 and "Traceback" not in found.stdout
    assert "the config of the module has a mistake:" in found.stdout
    assert "Flop" in found.stdout
