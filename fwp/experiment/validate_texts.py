"""Checking a config's texts and translations: what can be said before any job starts.

Every function yields one line per mistake, as `fwp.experiment.validate` says.
"""

from collections.abc import Iterator

from fwp.experiment.resolve import resolved_task, text_kind

STRINGS = ("params", "strings", "data", "evaluation")
"""Keys of a task that are about strings of a language."""


def texts(config: dict) -> Iterator[str]:
    """Texts that cannot be read, and keys that say nothing about a text."""
    from fwp.datasets.text.sources import faults

    for task, entry in config["tasks"].items():
        if not (kind := text_kind(entry)):
            continue
        for key in STRINGS:
            if key in entry:
                yield f"tasks.{task}.{key}: is for languages alone; {kind} holds what a text needs"
        for fault in faults(resolved_task(config, task)):
            yield f"tasks.{task}.{fault}"
