"""Titles of an experiment's models and tasks: the config's, or those of mixers and languages."""

from collections import Counter
from collections.abc import Iterator

from fwp.config.loading import show
from fwp.languages._title import titled
from fwp.mixers._facts import Facts
from fwp.results.names import Name


def titles(experiment) -> list[Name]:
    """How the models and tasks of an `fwp.experiment.experiment.Experiment` are shown.

    A title in the config comes first. A model that is named as its mixer takes the mixer's title
    and look, and so does the only model of a mixer of the user's own. A task that is named as its
    language, or as the title itself in small letters, takes the language's. Any other name is shown
    as it is.
    """
    models, tasks = (experiment.config.get(kind, {}) for kind in ("models", "tasks"))
    mixers = Counter(models[name]["mixer"] for name in experiment.models)
    found = []
    for name in experiment.models:
        mixer = models[name]["mixer"]
        facts = experiment.signature(name).facts
        is_it = name == mixer or (":" in mixer and mixers[mixer] == 1)
        found.append(_model(name, mixer, models[name].get("title"), facts, is_it))
    for name in experiment.tasks:
        entry = tasks[name]
        title, latex = titled(entry["language"], entry.get("params", {}))
        if entry.get("title"):
            title, latex = entry["title"], ""
        elif name.lower() not in (entry["language"], title.lower()):
            title, latex = name, ""
        found.append(Name("task", name, entry["language"], title or name, latex))
    return found


def _model(name: str, mixer: str, given: str | None, facts: Facts, is_it: bool) -> Name:
    own = facts if is_it else Facts()
    title, latex = (given, "") if given else (own.title or name, own.latex)
    return Name("model", name, mixer, title, latex, facts.state_names, own.look)


def problems(experiment) -> Iterator[str]:
    """A line for every title in the config that another model or task has."""
    try:
        found = titles(experiment)
    except ValueError:  # a mixer or language that does not exist, which is told elsewhere
        return
    shown = Counter((name.kind, name.title) for name in found)
    for name in found:
        given = "title" in experiment.config[f"{name.kind}s"][name.name]
        if given and shown[name.kind, name.title] > 1:
            rule = f"must be of one {name.kind} alone"
            yield f"{name.kind}s.{name.name}.title: {rule}, got {show(name.title)}"
