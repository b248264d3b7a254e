"""Changes of a config on the command line."""

import pytest

from fwp.config.changes import layers
from fwp.config.loading import read_config
from fwp.config.messages import ConfigError

EPOCHS, SEEDS = {"training": {"epochs": 5}}, {"seeds": [0, 2]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("training.epochs=5", [EPOCHS]),
        ("training={epochs: 5}", [EPOCHS]),
        (["training.epochs=5", "seeds=[0, 2]"], [EPOCHS, SEEDS]),
        ("training.epochs=5  seeds=[0, 2]", [EPOCHS, SEEDS]),
        ("seeds=[0, 2] training={epochs: 5}", [SEEDS, EPOCHS]),
        ("models.a.title=My net seeds=[0, 2]", [{"models": {"a": {"title": "My net"}}}, SEEDS]),
        ("models.a.title='b c=3'", [{"models": {"a": {"title": "b c=3"}}}]),
        ("models.a.title=don't seeds=[0, 2]", [{"models": {"a": {"title": "don't"}}}, SEEDS]),
        ('models."lr0.001".hidden=8', [{"models": {"lr0.001": {"hidden": 8}}}]),
        ("models.lstm=null", [{"models": {"lstm": None}}]),
        # What Snakemake makes of training={epochs: 5}
        ({"training={epochs": "5}"}, [EPOCHS]),
    ],
)
def test_changes_are_read_in_every_form(given, expected):
    assert layers(given) == expected


@pytest.mark.parametrize(
    "given", [5, None, {"a": 1}, "a", "a.b", "=3", "a..b=3", ".a=1", "", [["a"]]]
)
def test_what_is_no_change_is_refused_in_one_message(given):
    with pytest.raises(ConfigError, match=r"must read key\.key=value, got "):
        layers(given)


def test_set_lies_on_top_of_files_and_keys(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("training: {epochs: 1, batch_size: 7}\nseeds: 1\n")
    top = {"seeds": "2", "training": {"epochs": "3"}, "set": "training.epochs=5"}
    assert read_config(path, top=top) == {"training": {"epochs": 5, "batch_size": 7}, "seeds": 2}
    assert top["set"]  # is not changed
    changes = ["seeds=2", "training={epochs: 5}"]
    assert read_config(path, changes=changes) == read_config(path, top=top)


@pytest.mark.parametrize(
    "given",
    [
        {"changes": ["models=srwm", "tasks=[s3, parity]"]},
        {"top": {"models": "srwm", "tasks": ["s3", "parity"]}},
        {"top": {"set": "models=srwm tasks=s3,parity"}},
    ],
)
def test_names_in_place_of_models_and_tasks_choose_them(given):
    read = read_config(given={"models": {"srwm": {}}, "tasks": {"s3": {}}}, **given)
    assert read["only"] == {"models": ["srwm"], "tasks": ["s3", "parity"]}
    assert read["models"] == {"srwm": {}} and read["tasks"] == {"s3": {}}
