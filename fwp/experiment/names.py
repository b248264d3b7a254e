"""Titles of an experiment's models and tasks: the config's, or those of mixers and languages."""

from collections import Counter
from collections.abc import Iterator, Mapping

from fwp.config.loading import show
from fwp.experiment.resolve import text_kind
from fwp.languages._title import titled
from fwp.mixers._signature import Signature
from fwp.results.names import Name


def titles(config: dict, signatures: Mapping[str, Signature]) -> list[Name]:
    """How models and tasks are shown.

    A title in the config comes first. A model that is named as its mixer takes the mixer's title
    and look, and so does the only model of a mixer of the user's own. A task that is named as its
    language, or as the title itself in small letters, takes the language's, and so does the only
    task of a language of the user's own. Any other name is shown as it is.

    Args:
        config: a checked one.
        signatures: of the mixer of each model.
    """
    models, found = config["models"], []
    mixers = Counter(entry["mixer"] for entry in models.values())
    for name, entry in models.items():
        mixer, facts = entry["mixer"], signatures[name].facts
        own = name == mixer or (":" in mixer and mixers[mixer] == 1)
        title, latex, look = (facts.title, facts.latex, facts.look) if own else ("", "", ())
        if "title" in entry:
            title, latex = entry["title"], ""
        parts = facts.state_names, look, entry.get("colour", "")
        found.append(Name("model", name, mixer, title or name, latex, *parts))
    languages = Counter(entry.get("language") for entry in config["tasks"].values())
    for name, entry in config["tasks"].items():
        group = entry.get("group", "")
        if kind := text_kind(entry):
            found.append(Name("task", name, kind, entry.get("title", name), group=group))
            continue
        if "files" in entry:
            found.append(Name("task", name, "files", entry.get("title", name), group=group))
            continue
        only = ":" in entry["language"] and languages[entry["language"]] == 1
        title, latex = titled(entry["language"], entry.get("params", {}))
        if "title" in entry:
            title, latex = entry["title"], ""
        elif not only and name.lower() not in (entry["language"], title.lower()):
            title, latex = name, ""
        found.append(Name("task", name, entry["language"], title or name, latex, group=group))
    return found


def repeated_titles(config: dict, signatures: Mapping[str, Signature]) -> Iterator[str]:
    """A line for every title in the config that another model or task has."""
    try:
        found = titles(config, signatures)
    except ValueError:  # a language that does not exist, which is told elsewhere
        return
    shown = Counter((name.kind, name.title) for name in found)
    for name in found:
        given = "title" in config[f"{name.kind}s"][name.name]
        if given and shown[name.kind, name.title] > 1:
            rule = f"must be of one {name.kind} alone"
            yield f"{name.kind}s.{name.name}.title: {rule}, got {show(name.title)}"


def names_alike(config: dict) -> Iterator[str]:
    """A line for every name that differs from an earlier one in capital letters alone.

    Each names a folder of results, and the usual file system of macOS would take both for one.
    """
    for kind in ("models", "tasks"):
        first: dict[str, str] = {}
        for name in config[kind]:
            other = first.setdefault(name.casefold(), name)
            if other != name:
                rule = f"must differ from {kind}.{other} in more than capital letters"
                yield f"{kind}.{name}: {rule}, because a file system may take their folders for one"
