"""The schema is the one home of keys, defaults and ranges: typed settings and editors follow it."""

import inspect
import types
from dataclasses import fields
from pathlib import Path
from typing import Literal, Union, get_args, get_origin

import jsonschema
import pytest

from fwp import api, mixers
from fwp.claims import claim
from fwp.config import schema
from fwp.config.parsing import load
from fwp.config.settings import AUXILIARY, ModelSettings, TrainingSettings
from fwp.experiment.resolve import MODEL_KEYS, model_settings, training_settings
from fwp.mixers._signature import read_signature

ROOT = Path(__file__).parents[2]
CONFIGS = [ROOT / "config.yaml", *sorted(ROOT.glob("workflow/presets/*.yaml"))]
CLAIMS = sorted(ROOT.glob("fwp/claims/library/*.yaml"))
JSON = {int: "integer", float: "number", str: "string", type(None): "null", tuple: "array"}


def rules(*keys: str) -> dict:
    """A part of the schema, with what it refers to."""
    part = schema.rules()
    for key in (None, *keys):
        part = part if key is None else part["properties"][key]
        if "$ref" in part:
            part = schema.rules()["$defs"][part["$ref"].rpartition("/")[2]] | part
    return part


def kinds(annotation) -> set:
    """Names of types, or values, that an annotation allows; as a schema has them."""
    if get_origin(annotation) in (Union, types.UnionType):
        return set().union(*map(kinds, get_args(annotation)))
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {JSON[get_origin(annotation) or annotation]}


def allowed(part: dict) -> set:
    """What a part of the schema allows, likewise."""
    if "enum" in part:
        return {"null" if value is None else value for value in part["enum"]}
    return {part["type"]} if isinstance(part["type"], str) else set(part["type"])


SETTINGS = [("training", field) for field in fields(TrainingSettings)]
SETTINGS += [("model", field) for field in fields(ModelSettings) if field.name in MODEL_KEYS[1:]]


@pytest.mark.parametrize(("section", "field"), SETTINGS, ids=lambda x: getattr(x, "name", x))
def test_a_typed_setting_is_a_key_of_the_schema(section, field):
    part = rules(section, field.name)
    assert kinds(field.type) == allowed(part)
    assert part["description"]
    bounds = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}
    assert "enum" in part or bounds & part.keys() or "items" in part
    default = schema.defaults()[section][field.name]
    jsonschema.Draft202012Validator(schema.rules()).evolve(schema=part).validate(default)


def test_there_is_no_setting_more_and_none_less():
    names = [field.name for field in fields(TrainingSettings)]
    assert names == list(schema.defaults()["training"])
    assert set(names) == rules("training")["properties"].keys()
    names = [field.name for field in fields(ModelSettings)]
    assert names == ["name", *MODEL_KEYS, "options", "share"]
    assert {*MODEL_KEYS[1:]} == rules("model")["properties"].keys()


def test_settings_of_ones_own_have_the_defaults_of_the_schema():
    defaults = schema.defaults()
    own = training_settings().as_dict() | dict.fromkeys(AUXILIARY, 0) | {"truncation": None}
    assert own == defaults["training"]
    model = model_settings("deltanet", heads=2)
    assert {key: getattr(model, key) for key in MODEL_KEYS[1:]} == defaults["model"]
    assert model.options == {"heads": 2}
    for name, parameter in inspect.signature(api.build_model).parameters.items():
        if name in defaults["model"]:
            assert parameter.default == defaults["model"][name]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: training_settings(epoch=3), r"epoch: unknown key \(did you mean 'epochs'\?\)"),
        (lambda: training_settings(learning_rate=-1), "learning_rate: must be greater than 0"),
        (lambda: model_settings("lstm", hidden=0), "  hidden: must be at least 1, got 0"),
    ],
)
def test_a_setting_of_ones_own_that_makes_no_sense_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_number_has_one_text():
    whole, broken = training_settings(warmup=0, clip=1), training_settings(warmup=0.0, clip=1.0)
    assert repr(whole.as_dict()) == repr(broken.as_dict())


def test_no_mixer_has_an_option_of_the_name_of_a_setting():
    for name in mixers.names():
        assert not read_signature(name).options.keys() & {*MODEL_KEYS}


# Editors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [schema.SCHEMA, claim.SCHEMA], ids=lambda path: path.parent.name)
def test_a_schema_is_json_schema(path):
    jsonschema.Draft202012Validator.check_schema(load(path))


@pytest.mark.parametrize("path", [*CONFIGS, *CLAIMS], ids=lambda path: path.stem)
def test_the_first_line_names_the_schema_and_editors_find_no_mistake(path):
    first, _, _ = path.read_text(encoding="utf-8").partition("\n")
    kind, _, name = first.partition("$schema=")
    assert kind == "# yaml-language-server: "
    found = (path.parent / name).resolve()
    assert found == (schema.SCHEMA if path in CONFIGS else claim.SCHEMA)
    assert not list(jsonschema.Draft202012Validator(load(found)).iter_errors(load(path)))
