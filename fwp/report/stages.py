"""The rules behind the report: what each does, of what it needs files, and where it writes its own.

A test compares this list with the workflow: with docstrings of rules, and with Snakemake's graph.
"""

from typing import NamedTuple


class Stage(NamedTuple):
    """A rule of the workflow.

    Attributes:
        name: of the rule; its script is `workflow/scripts/<name>.py`.
        does: a sentence; the docstring of the rule.
        after: rules that it needs files of, where these take part.
        per: what there is a job for: task, cell, search, or "" for one job in all.
        folder: of its files, within that of the results; {} stands for the task or cell.
        files: names in `folder`, and patterns of names.
        of: strings, texts or search, if it takes part for these alone; else "".
        settings: the sections of the config that decide what it does.
    """

    name: str
    does: str
    after: tuple[str, ...]
    per: str
    folder: str
    files: tuple[str, ...]
    of: str = ""
    settings: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Of the names of its log and its benchmark."""
        return {"data": "train", "test_data": "test"}.get(self.name, self.name)


COLLECTED = ("collect", "collect_text")
MODEL = ("models", "model", "training", "overrides", "seeds")

STAGES = (
    Stage(
        "data",
        "Draw the training and validation strings of a task, or prepare its text.",
        (),
        "task",
        "data/{}",
        ("train.npz",),
        settings=("tasks", "data"),
    ),
    Stage(
        "test_data",
        "Draw the test strings of a task, or prepare its test text, and describe all sets.",
        ("data",),
        "task",
        "data/{}",
        ("test.npz", "card.json"),
        settings=("tasks", "data", "evaluation"),
    ),
    Stage(
        "search",
        "Choose settings of a model on a task by trials on validation data.",
        ("data",),
        "search",
        "search/{}",
        ("chosen.json", "trials.csv"),
        of="search",
        settings=("search", *MODEL),
    ),
    Stage(
        "train",
        "Train the seeds of a model on a task.",
        ("data", "search"),
        "cell",
        "cells/{}",
        ("model.safetensors", "history.csv", "cell.json"),
        settings=MODEL,
    ),
    Stage(
        "evaluate",
        "Measure trained models on test data.",
        ("test_data", "train"),
        "cell",
        "cells/{}",
        ("accuracy.csv", "evaluation.json"),
        settings=("evaluation",),
    ),
    Stage(
        "collect",
        "Gather the results on strings in tidy tables.",
        ("evaluate",),
        "",
        "tables",
        ("accuracy.csv", "history.csv", "runs.csv", "missing.csv", "names.csv"),
        of="strings",
    ),
    Stage(
        "summarise",
        "Compute means, intervals, tests of pairs of models, and costs of training.",
        ("collect",),
        "",
        "tables",
        ("summary.csv", "comparison.csv", "compute.csv"),
        of="strings",
    ),
    Stage(
        "tables",
        "Write tables of accuracies and of datasets.",
        ("summarise", "test_data"),
        "",
        "tables",
        (
            *("summary.html", "summary.md", "summary.tex"),
            *("datasets.csv", "datasets.html", "datasets.md"),
        ),
        of="strings",
    ),
    Stage(
        "figures",
        "Draw figures of accuracies and of training.",
        ("summarise", "test_data"),
        "",
        "figures",
        ("heatmap.*", "length.*", "strip.*", "learning.*", "solved-*.*"),
        of="strings",
    ),
    Stage(
        "atlas",
        "Say of every model and language what is expressible, learnt, and generalises.",
        ("collect", "test_data"),
        "",
        ".",
        ("tables/atlas.csv", "tables/atlas.md", "figures/atlas.*"),
        of="strings",
    ),
    Stage(
        "collect_text",
        "Gather the results on texts and translations in tidy tables.",
        ("evaluate",),
        "",
        "tables",
        (
            *("text.csv", "translation.csv", "translation.json", "text_history.csv"),
            *("text_runs.csv", "text_missing.csv", "text_names.csv"),
        ),
        of="texts",
    ),
    Stage(
        "text_tables",
        "Write tables of losses and of translations.",
        ("collect_text", "test_data"),
        "",
        "tables",
        (
            *("text_summary.csv", "translation_summary.csv"),
            *("texts.html", "texts.md", "texts.tex"),
        ),
        of="texts",
    ),
    Stage(
        "text_figures",
        "Draw figures of losses and of translations.",
        ("collect_text", "test_data"),
        "",
        "figures",
        ("text-*.*", "translation-*.*"),
        of="texts",
    ),
    Stage(
        "search_tables",
        "Write tables of what searches tried and chose.",
        ("search", *COLLECTED),
        "",
        "tables",
        ("trials.csv", "search.csv", "search.html", "search.md", "search.tex"),
        of="search",
        settings=("search",),
    ),
    Stage(
        "search_figures",
        "Draw figures of what searches tried.",
        ("search_tables", *COLLECTED),
        "",
        "figures",
        ("search-*.*",),
        of="search",
    ),
    Stage(
        "claims",
        "Compare the results with claims of papers.",
        (*COLLECTED, "search_tables"),
        "",
        "tables",
        ("claims.csv", "claims.json", "claims.html", "claims.md"),
        settings=("claims",),
    ),
    Stage(
        "report",
        "Write the report: one page with everything in it.",
        (
            *("tables", "figures", "atlas", "text_tables", "text_figures"),
            *("search_tables", "search_figures", "claims"),
        ),
        "",
        ".",
        ("report.html", "findings.md"),
    ),
)


def taking_part(*kinds: str) -> list[Stage]:
    """The rules of an experiment with these kinds: strings, texts, search."""
    return [stage for stage in STAGES if not stage.of or stage.of in kinds]
