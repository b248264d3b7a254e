# What tables, figures and report are of, and from which files.
from dataclasses import asdict

import fwp

TEMPLATES = [
    os.path.relpath(path)
    for path in sorted(Path(fwp.__file__).with_name("report").joinpath("templates").iterdir())
]
# What is known without training: hand-set weights, and theorems.
CONSTRUCTIONS = [
    os.path.relpath(path)
    for path in sorted(Path(fwp.__file__).with_name("constructions").iterdir())
    if path.suffix in (".py", ".yaml")
]
# The runs that are collected, and those that have no results; by what their tasks are about.
COLLECTED, MISSING = list(EXPERIMENT.jobs()), []
if EXPERIMENT.partial:
    COLLECTED, MISSING = unfinished.split_finished(EXPERIMENT)
KINDS = {task: EXPERIMENT.kind(task) for task in EXPERIMENT.tasks}
STRINGS, TEXTS, TRANSLATIONS = (
    [job for job in COLLECTED if KINDS[job.task] == kind]
    for kind in ("strings", "text", "translation")
)
WRITTEN = TEXTS + TRANSLATIONS
WHAT = {"strings": bool(STRINGS), "texts": bool(WRITTEN)}  # for scripts
MISSING_STRINGS = [row for row in MISSING if KINDS[row["task"]] == "strings"]
MISSING_TEXTS = [row for row in MISSING if KINDS[row["task"]] != "strings"]


def cards(kinds):
    """The dataset cards of all tasks of some kinds; in a partial report, those that are there."""
    paths = [f"<results>/data/{task}/card.json" for task in KINDS if KINDS[task] in kinds]
    if not EXPERIMENT.partial:
        return paths
    return [path for path in paths if os.path.exists(path.replace("<results>", EXPERIMENT.results))]


CARDS = cards(["strings"]) if STRINGS else []
TEXT_CARDS = cards(["text", "translation"]) if WRITTEN else []
# What searches leave, and what is made of it; nothing without a search.
TRIALS = [
    f"{EXPERIMENT.search_dir(task, model)}/trials.csv" for task, model in EXPERIMENT.searches()
]
if EXPERIMENT.partial:
    TRIALS = [path for path in TRIALS if os.path.exists(path)]
SEARCH_TABLE = "<results>/tables/trials.csv" if TRIALS else []
SEARCH_FIGURES = [f"<results>/figures/search-{name}.svg" for name in ("settings", "best") if TRIALS]


def how_it_was_made():
    """What the report says of config, code and commands, beside what jobs have left."""
    names = ("collect", "summarise", "tables", "figures", "atlas", "collect_text", "text_tables")
    names += ("text_figures", "search_tables", "search_figures", "claims", "report")
    cells = [EXPERIMENT.cell(model, task) for model in EXPERIMENT.models for task in KINDS]
    drawn = {
        "data": [EXPERIMENT.data_params(task)["code"] for task in KINDS],
        "test_data": [EXPERIMENT.test_data_params(task)["code"] for task in KINDS],
        "evaluate": [cell.code["evaluate"] for cell in cells],
    }
    return {
        "config": EXPERIMENT.config,
        "codes": {stage: sorted(set(codes)) for stage, codes in drawn.items()}
        | {stage: [EXPERIMENT.code(stage)] for stage in names},
        "configs": CONFIG,
        "arguments": ARGUMENTS,
        "changes": [
            *(f"{key}={json.dumps(value)}" for key, value in CHANGES.items() if key != "set"),
            *([CHANGES["set"]] if isinstance(CHANGES.get("set"), str) else []),
        ],
    }
