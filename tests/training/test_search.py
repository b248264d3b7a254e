"""A search: how it chooses, and that nothing but its settings decides what comes out."""

import csv
import json
from dataclasses import replace
from typing import Any

import pytest
import tiny

from fwp.config.settings import ModelSettings
from fwp.datasets.dataset import save_dataset
from fwp.models.budget import size
from fwp.results.chosen import read_chosen
from fwp.search.seeds import FIRST, STRIDE, place
from fwp.search.settings import SearchSettings, points
from fwp.search.space import from_plain
from fwp.training import trials as module
from fwp.training.checkpoint import Checkpoint
from fwp.training.search import SearchError, _order, search_cell
from fwp.training.trainer import Trainer
from fwp.training.trial_run import TrialRun

RATES = {"low": 3e-3, "high": 0.3, "log": True}
SPACE = {"training.learning_rate": RATES}
HALVING = {"factor": 2, "epochs": 1}
DIVERGES = 1e38


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "train.npz"
    lengths = {"bins": [[2, 3], [4, 5]], "count": 20}
    train = {"min_length": 2, "max_length": 6, "count": 80}
    save_dataset(tiny.draw(train=train, validation=lengths, test=lengths), path)
    return path


@pytest.fixture
def trained(monkeypatch):
    """Seeds of the runs that are trained, in their order."""
    found = []

    class Noting(Trainer):
        def __init__(self, *args, seeds, **kwargs):
            found.extend(seeds)
            super().__init__(*args, seeds=seeds, **kwargs)

    monkeypatch.setattr(module, "Trainer", Noting)
    return found


def search(space=SPACE, **given: Any):
    space = {
        key: {"log": False, "integer": False, "step": None, "points": None} | value
        if isinstance(value, dict)
        else value
        for key, value in space.items()
    }
    usual: dict[str, Any] = {"method": "random", "seeds": 1, "seed": 0, "trials": 3}
    usual |= {"halving": None, "budget": None}
    given = usual | given
    if given["method"] == "grid":
        given["trials"] = points(from_plain(space))
    return SearchSettings(space=space, **given)


def cell(mixer="elman", *, options=(), **training):
    changes: dict[str, Any] = {"epochs": 4, "batch_size": 20} | training
    own = tiny.cell(mixer, **changes)
    model = replace(own.model, hidden=4, layers=1, feed_forward=1, options=dict(options))
    return replace(own, model=model).as_dict()


class Search:
    """A search in a folder."""

    def __init__(self, folder, dataset):
        self.folder, self.dataset = folder, dataset
        self.lines: list[str] = []
        folder.mkdir(exist_ok=True)

    def run(self, settings, given=None, **options):
        self.lines.clear()
        options = {"device": "cpu", "tell": self.lines.append} | options
        files = {name: self.folder / name for name in ("chosen.json", "trials.csv")}
        return search_cell(
            given or cell(),
            settings,
            dataset=self.dataset,
            chosen=files["chosen.json"],
            table=files["trials.csv"],
            **options,
        )

    @property
    def rows(self):
        with (self.folder / "trials.csv").open(newline="", encoding="utf-8") as file:
            return [{**row, "seconds": ""} for row in csv.DictReader(file)]

    @property
    def seeds(self):
        return {int(row["seed"]) for row in self.rows}


@pytest.fixture
def place_of(tmp_path, dataset):
    return lambda name="search": Search(tmp_path / name, dataset)


# The choice ---------------------------------------------------------------------------------------


def outcome(selection, *, status="budget", best_epoch=3, loss: float | None = 0.5):
    return TrialRun(status, 5, best_epoch, selection, {}, 0.0, 0.0, loss, 1.0)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ([outcome(0.6)], [outcome(0.5)]),
        ([outcome(0.5), outcome(0.6)], [outcome(1.0), outcome(0.0)]),  # by the mean
        ([outcome(0.5, best_epoch=2, loss=9.0)], [outcome(0.5)]),
        ([outcome(0.5, loss=0.4)], [outcome(0.5)]),
        ([outcome(0.5)], [outcome(0.5)]),  # the first
        ([outcome(0.1)], [outcome(0.9, status="diverged", loss=None)]),
        ([outcome(0.0, best_epoch=0)], [outcome(0.9, status="diverged", best_epoch=0)]),
        ([outcome(0.5), outcome(0.5)], [outcome(0.8), outcome(0.9, status="diverged")]),
        ([outcome(0.1, status="diverged")], [outcome(0.9, status="diverged")]),  # the first
    ],
)
def test_what_is_chosen(better, worse):
    assert _order(0, better) < _order(1, worse)
    if better != worse and any(run.status != "diverged" for run in better):
        assert _order(1, better) < _order(0, worse)


def test_the_best_trial_is_chosen_and_the_log_says_why(place_of):
    own = place_of()
    chosen = own.run(search(trials=4))
    rows = own.rows
    (best,) = (row for row in rows if row["chosen"] == "True")
    assert float(best["selection"]) == max(float(row["selection"]) for row in rows)
    assert chosen == {"training.learning_rate": float(best["training.learning_rate"])}
    assert read_chosen(own.folder / "chosen.json") == chosen
    assert len(own.lines) == 5
    rate = chosen["training.learning_rate"]
    assert own.lines[-1] == (
        f"chosen of 4: trial {best['trial']} (training.learning_rate {rate:.3g}), "
        f"{float(best['selection']):.1%} on validation strings after {best['best_epoch']} epochs: "
        "the highest accuracy"
    )


def test_of_equal_trials_the_log_says_what_decides(place_of):
    own = place_of()
    own.run(search({"training.learning_rate": [1e-6, 1e-7]}, method="grid"))
    assert own.lines[-1].endswith("2 trials reach this, and the lower loss decides")


def test_a_trial_that_diverged_is_not_chosen_and_keeps_its_row(place_of):
    own = place_of()
    own.run(search({"training.learning_rate": [DIVERGES, 1e-6]}, method="grid"))
    assert [(row["status"], row["chosen"]) for row in own.rows] == [
        ("diverged", "False"),
        ("budget", "True"),
    ]


def test_where_all_trials_diverge_the_first_is_chosen(place_of):
    own = place_of()
    own.run(search({"training.learning_rate": [DIVERGES, 1e37]}, method="grid"))
    assert [row["chosen"] for row in own.rows] == ["True", "False"]
    assert own.lines[-1] == (
        "all 2 trials diverged: the first is chosen, trial 0 (training.learning_rate 1e+38)"
    )


# What is possible ---------------------------------------------------------------------------------


def test_settings_that_no_model_can_have_are_not_tried(place_of):
    own = place_of()
    space = {"hidden": [4, 6, 8], "heads": [1, 4]}
    own.run(search(space, method="grid"), cell("deltanet", options={"heads": 1}, epochs=1))
    tried = [(int(row["hidden"]), int(row["heads"])) for row in own.rows]
    assert sorted(tried) == [(4, 1), (4, 4), (6, 1), (8, 1), (8, 4)]


def test_settings_that_do_not_fit_the_budget_are_not_tried(place_of):
    own = place_of()
    budget = {"parameters": 100}
    own.run(search({"layers": [1, 2, 40]}, method="grid", budget=budget))
    assert [row["layers"] for row in own.rows] == ["1", "2"]
    for row in own.rows:
        model = ModelSettings.from_dict(cell()["model"])
        model = replace(model, layers=int(row["layers"]), hidden=int(row["hidden"]))
        assert int(row["parameters"]) == size(model, 2, 2).parameters <= 100
        assert size(replace(model, hidden=model.hidden + 1), 2, 2).parameters > 100
    assert read_chosen(own.folder / "chosen.json").keys() == {"layers", "hidden"}


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_where_nothing_is_possible_the_error_says_why(place_of, method):
    own = place_of()
    none = r"search\.space: net can have none of these settings \(.*at its smallest width"
    with pytest.raises(SearchError, match=none):
        own.run(search({"layers": [1, 2]}, method=method, budget={"parameters": 5}))
    if method != "grid":
        none = r"search\.space: trial 0: none of 200 draws .*at its smallest width"
        with pytest.raises(SearchError, match=none):
            own.run(search(method=method, budget={"parameters": 5}))
    assert not (own.folder / "chosen.json").exists()


# Killed and repeated ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, dataset):
    """The rows of a search with halving, in packs of three of its five trials."""
    own = Search(tmp_path_factory.mktemp("undisturbed"), dataset)
    own.run(search(trials=5, halving=HALVING), cell(batch_size=10), pack=3)
    return own.rows


class Killed(Exception):  # noqa: N818 - not an error of ours
    """As if the process had been ended without warning."""


@pytest.mark.parametrize(
    ("error", "step"),
    [(KeyboardInterrupt, 2), (Killed, 7), (KeyboardInterrupt, 10), (Killed, 12)],
)
def test_a_search_that_is_killed_ends_as_an_undisturbed_one(
    place_of, undisturbed, monkeypatch, capsys, error, step
):
    own, steps = place_of(), 0

    class Killing(Trainer):
        def run(self, *args, on_step, **kwargs):
            def stop():
                nonlocal steps
                steps += 1
                on_step()
                if steps == step:
                    raise error

            return super().run(*args, on_step=stop, **kwargs)

    monkeypatch.setattr(module, "Trainer", Killing)
    # After a kill without warning there is what was saved before.
    monkeypatch.setattr(module, "Checkpoint", lambda path: Checkpoint(path, every=0.0))
    settings = search(trials=5, halving=HALVING)
    with pytest.raises(error):
        own.run(settings, cell(batch_size=10), pack=3)
    assert not (own.folder / "chosen.json").exists()
    capsys.readouterr()
    own.run(settings, cell(batch_size=10), pack=3)
    assert steps > step
    assert own.rows == undisturbed
    assert capsys.readouterr().out.count("going on from there") >= 1
    assert {path.name for path in own.folder.iterdir()} == {
        "chosen.json", "trials.csv", "finished.json"
    }  # fmt: skip


def test_a_search_that_is_killed_between_two_stages_goes_on(place_of, undisturbed, trained):
    own, settings = place_of(), search(trials=5, halving=HALVING)

    def stop(line):
        if line.startswith("after epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        own.run(settings, cell(batch_size=10), pack=3, tell=stop)
    trained.clear()
    own.run(settings, cell(batch_size=10), pack=3)
    assert own.rows == undisturbed
    assert len(trained) == 3  # the last pack alone


@pytest.mark.parametrize("method", ["random", "quasi_random", "tpe"])
def test_further_trials_train_only_themselves(place_of, trained, method):
    own = place_of()
    own.run(search(method=method, trials=3, seeds=2))
    before = own.rows
    assert len(set(trained)) == len(trained) == 6
    trained.clear()
    own.run(search(method=method, trials=3, seeds=2))
    assert (trained, own.rows) == ([], before)
    own.run(search(method=method, trials=4, seeds=2))
    same = [{**row, "chosen": ""} for row in before]
    assert [{**row, "chosen": ""} for row in own.rows[:6]] == same
    assert trained == [int(row["seed"]) for row in own.rows[6:]] and len(trained) == 2


@pytest.mark.parametrize("wider", [{"hidden": [4, 8, 6]}, {"layers": [2, 1]}, {"heads": [1, 2]}])
def test_a_wider_grid_trains_only_what_is_new(place_of, trained, wider):
    own, base = place_of(), cell("deltanet", options={"heads": 1}, epochs=1)
    space = {"hidden": [4, 8], "training.learning_rate": [0.01, 0.1]}
    own.run(search(space, method="grid"), base)
    before = own.seeds
    trained.clear()
    own.run(search(space | wider, method="grid"), base)
    assert before < own.seeds
    assert sorted(trained) == sorted(own.seeds - before)


def test_the_base_value_of_a_searched_setting_plays_no_part(place_of, trained):
    own = place_of()
    own.run(search())
    rows = own.rows
    trained.clear()
    own.run(search(), cell(learning_rate=0.5))
    assert (trained, own.rows) == ([], rows)
    own.run(search(), cell(batch_size=10))
    assert len(trained) == 3


def test_seeds_are_of_one_trial_each_and_none_of_an_experiment():
    taken: set[int] = set()
    for number in range(2000):  # enough for two that would have the same
        taken.add(place(json.dumps({"hidden": number}), taken))
    assert len(taken) == 2000 and min(taken) >= 0 and max(taken) < STRIDE
    first = place("a", ())
    assert place("a", {first}) == (first + 1) % STRIDE
    assert place("a", {*range(STRIDE)} - {first - 1}) == (first - 1) % STRIDE


def test_every_run_of_a_search_has_a_seed_of_its_own(place_of):
    own = place_of()
    own.run(search(seeds=2))
    assert len(own.seeds) == len(own.rows) == 6
    assert min(own.seeds) >= FIRST and max(own.seeds) < 2**32


def test_tpe_gives_the_same_trials_twice(place_of):
    space = SPACE | {"training.batch_size": [20, 40]}
    settings = search(space, method="tpe", trials=10, halving=None)
    one, other = place_of("one"), place_of("other")
    assert one.run(settings, cell(epochs=1)) == other.run(settings, cell(epochs=1))
    assert one.rows == other.rows and len(one.rows) == 10
