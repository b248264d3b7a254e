import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st

from fwp.datasets import card_reader
from fwp.report import labels
from fwp.report.tables import claims, grid
from fwp.report.tables.datasets import write_datasets
from fwp.report.tables.markdown import escape_markdown, markdown_table
from fwp.report.tables.sections import sections
from fwp.report.tables.summary import write_summary
from fwp.results import statistics, summary
from fwp.results.collect import collect_results
from fwp.results.integrity import write_sealed
from fwp.results.names import Name
from fwp.results.record import ResultsError


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The paper's seven models × eight tasks × three seeds."""
    return collect_results(synthetic.write_grid(tmp_path_factory.mktemp("paper")))


def own(tmp_path, accuracies, model="mine", task="own", bins=("2-50", "51-100"), status=None):
    """A cell with given accuracies: one list per seed, one number per bin."""
    seeds = list(range(len(accuracies)))
    diverged = tuple(seed for seed in seeds if status and status[seed] == "diverged")
    cell = synthetic.write_cell(
        tmp_path, task, model, seeds, bins=list(bins), diverged=diverged, epochs=3
    )
    frame = pd.read_csv(cell / "accuracy.csv")
    for seed, numbers in enumerate(accuracies):
        for bin, number in zip(bins, numbers, strict=True):
            chosen = (frame["seed"] == seed) & (frame["bin"] == bin)
            frame.loc[chosen, "sequence_accuracy"] = number
    frame.to_csv(cell / "accuracy.csv", index=False)
    synthetic.seal(cell)
    return cell


def parts_of(results):
    return sections(summary.summarise(results), results.runs)


def section(parts, label):
    return next(part for part in parts if part.label == label)


def test_cells_say_mean_and_best(tmp_path):
    cell = own(tmp_path, [[1.0, 1.0], [1.0, 0.5], [1.0, 0.25]])
    collected = collect_results([cell])
    parts = parts_of(collected)
    first, second = section(parts, "accuracy").grids
    assert first.cells["mine", "own"] == grid.Cell("100", strong=True, share=1.0)
    assert second.cells["mine", "own"].text == "58.3◇(100)"
    assert not second.cells["mine", "own"].strong
    solved = section(parts, "solved").grids[1].cells["mine", "own"]
    assert solved.text == "1/3 (6–79)" and solved.share == pytest.approx(1 / 3)


def test_letters_tell_models_apart(tmp_path):
    good, bad = [[1.0, 1.0]] * 4, [[0.9, 0.5]] * 4
    cells = [own(tmp_path, good, "good"), own(tmp_path, bad, "bad")]
    solved = section(parts_of(collect_results(cells)), "solved")
    texts = [solved.grids[1].cells[model, "own"].text for model in ("good", "bad")]
    assert texts == ["4/4 (51–100) a", "0/4 (0–49) b"]
    assert "Too few" not in solved.note


def test_too_few_seeds_are_said_to_be_so(tmp_path):
    cells = [own(tmp_path, [[1.0, 1.0]] * 3, "good"), own(tmp_path, [[0.9, 0.5]] * 3, "bad")]
    parts = parts_of(collect_results(cells))
    assert section(parts, "solved").grids[1].cells["good", "own"].text == "3/3 (44–100)"
    assert "With 1 pair of models, this takes 4 seeds of each." in section(parts, "solved").note
    assert section(parts, "median").grids[1].cells["bad", "own"].text == "50.0"


def test_median_has_an_interval_or_a_range(tmp_path):
    few = own(tmp_path, [[1.0, 1.0], [1.0, 0.5], [1.0, 0.25]], "few")
    many = own(tmp_path, [[1.0, 0.1 * seed] for seed in range(9)], "many")
    median = section(parts_of(collect_results([few, many])), "median").grids[1]
    assert median.cells["few", "own"].text == "50.0; 25.0–100"
    assert median.cells["many", "own"].text == "40.0 (10.0–70.0)"


def test_generalisation_says_where_testing_ended(tmp_path):
    cell = own(tmp_path, [[1.0, 1.0], [1.0, 0.5], [1.0, 0.5]])
    collected = collect_results([cell])
    parts = parts_of(collected)
    text = section(parts, "generalisation").grids[0].cells["mine", "own"].text
    assert text == "50 (50–≥100)"


def test_diverged_cells_are_marked(tmp_path):
    cell = own(tmp_path, [[1.0, 1.0], [0.0, 0.0]], status=["solved", "diverged"])
    collected = collect_results([cell])
    parts = parts_of(collected)
    assert section(parts, "accuracy").grids[0].cells["mine", "own"].text == "50.0◇(100)†"


def test_everything_is_in_the_summary(paper):
    parts = parts_of(paper)
    found = [part.label for part in parts]
    assert found == [
        "accuracy",
        "solved",
        "median",
        "generalisation",
        "accuracy-longer",
        "training",
    ]
    assert [len(part.grids) for part in parts] == [2, 2, 2, 1, 3, 1]
    for part in parts:
        for one in part.grids:
            assert one.models == synthetic.MODELS and one.tasks == synthetic.TASKS
            assert len(one.cells) == 56


def test_csv_is_the_summary(paper, tmp_path):
    summary.write_summary(summary.summarise(paper), tmp_path)
    frame = pd.read_csv(tmp_path / "summary.csv")
    expected = statistics.summarise(paper.accuracy)
    assert list(frame.columns) == list(expected.columns) and len(frame) == 7 * 8 * 5
    assert frame["mean"].tolist() == expected["mean"].tolist()
    assert {path.name for path in tmp_path.iterdir()} == set(summary.FILES)
    synthetic.seal_tables(tmp_path)
    read = summary.read_summary(tmp_path)
    assert read.bins == statistics.bins(paper.accuracy)
    pd.testing.assert_frame_equal(read.cells, expected.astype({"bin": read.cells["bin"].dtype}))
    assert sections(read, paper.runs) == parts_of(paper)


def test_markdown_tables_are_regular(paper, tmp_path):
    write_summary(summary.summarise(paper), paper.runs, markdown=tmp_path / "summary.md")
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("# Results\n") and "3 seeds" in text
    found = [block for block in text.split("\n\n") if block.startswith("| Model")]
    assert len(found) == 11
    for block in found:
        lines = block.strip().splitlines()
        assert len(lines) == 2 + 7
        assert len({len(line) for line in lines}) == 1  # aligned
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {10}
    assert "| Linear Transformer |" in text and r"(aa)\*" in text


def test_markdown_splits_wide_tables(tmp_path):
    collected = collect_results(
        synthetic.write_grid(
            tmp_path, ["lstm"], [f"t{i}" for i in range(20)], [0], bins=["2-50"], epochs=2
        )
    )
    write_summary(summary.summarise(collected), collected.runs, markdown=tmp_path / "summary.md")
    heads = [line for line in (tmp_path / "summary.md").read_text().splitlines() if "Model" in line]
    assert {line.count("|") - 2 for line in heads} == {7, 6}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(aa)*", r"(aa)\*"),
        ("**100**", "**100**"),
        ("_private_", r"\_private\_"),
        ("my_model", "my_model"),
        ("a|b", r"a\|b"),
        ("<b>", r"\<b>"),
    ],
)
def test_markdown_escapes(text, expected):
    assert escape_markdown(text) == expected


def test_markdown_keeps_a_row_on_one_line():
    assert markdown_table(["class"], [["a\nb: 1"]]).splitlines()[-1] == r"| a\\nb: 1 |"


@pytest.mark.parametrize("source", ["=1+1", "+1", "-1", "@A1"])
def test_a_source_is_no_formula_of_a_spreadsheet(source):
    judged = SimpleNamespace(
        claim=SimpleNamespace(name="c", source=source), verdict="", evidence=[]
    )
    runs = pd.DataFrame({"task": ["t"], "model": ["m"], "cell": ["f"]})
    assert claims.table([judged], runs)["source"].tolist() == [f"'{source}"]


def latex_tables(text):
    """The tabulars of a LaTeX text as lists of rows of cells, after checks of its structure."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{([^}]*)\}", body):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    bare = re.sub(r"\\.", "", body)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert "%" not in bare and "#" not in bare
    assert "_" not in re.sub(r"\$[^$]*\$", "", bare)
    found = []
    for columns, inner in re.findall(
        r"\\begin\{tabular\}\{@\{\}(l?c*)@\{\}\}(.*?)\\end\{tabular\}", body, re.S
    ):
        commands = ("toprule", "midrule", "bottomrule", "addlinespace[2pt]")
        lines = [line for line in inner.strip().splitlines() if line[1:] not in commands]
        rows = []
        for line in lines:
            assert line.endswith(r"\\")
            if r"\multicolumn" not in line:
                rows.append(re.split(r"(?<!\\) & ", line[:-2].strip()))
                assert len(rows[-1]) == len(columns)
        assert [inner.count(f"\\{rule}") for rule in ("toprule", "bottomrule")] == [1, 1]
        found.append(rows)
    return found


def test_latex_tables_are_well_formed(paper, tmp_path):
    write_summary(summary.summarise(paper), paper.runs, latex=tmp_path / "summary.tex")
    text = (tmp_path / "summary.tex").read_text()
    found = latex_tables(text)
    assert found[0][0] == [
        "Model", "Parity", "$(aa)^*$", "$(abab)^*$", "Dyck-1", "Reset Dyck-1",
        "$a^nb^n$", "$a^nb^nc^n$", "Shuffle-2",
    ]  # fmt: skip
    names = [row[0] for row in found[0][1:8]]
    assert names == [labels.model(model) for model in synthetic.MODELS]
    assert found[0][1][1] == r"\textbf{100}"
    marks = re.findall(r"\\label\{tab:([^}]*)\}", text)
    assert len(set(marks)) == len(marks) == len(found)
    assert {"accuracy", "solved", "generalisation", "accuracy-longer"} <= set(marks)
    assert all(ord(character) < 128 for character in text)  # any LaTeX engine and encoding


def test_latex_of_odd_names(tmp_path):
    name = r"50%_of$the#best&more^x~y\z{}"
    cell = own(tmp_path, [[1.0, 1.0]], model="a_model")
    collected = collect_results([cell])
    for frame in collected:
        frame["model"] = frame["model"].cat.rename_categories([name])
    write_summary(summary.summarise(collected), collected.runs, latex=tmp_path / "s.tex")
    rows = latex_tables((tmp_path / "s.tex").read_text())[0]
    assert rows[1][0] == (
        r"50\%\_of\$the\#best\&more\textasciicircum{}x\textasciitilde{}y\textbackslash{}z\{\}"
    )
    assert rows[0][1] == "own"


def test_latex_splits_what_does_not_fit_on_a_page(tmp_path):
    collected = collect_results(
        synthetic.write_grid(
            tmp_path,
            [f"m{i}" for i in range(30)],
            [f"a_long_name_of_task_{i}" for i in range(12)],
            [0],
            bins=["2-50", "51-100"],
            epochs=2,
        )
    )
    write_summary(summary.summarise(collected), collected.runs, latex=tmp_path / "s.tex")
    text = (tmp_path / "s.tex").read_text()
    found = latex_tables(text)
    assert max(len(rows[0]) for rows in found) < 12
    assert max(len(rows) for rows in found) <= 40
    seen = {head for rows in found for head in rows[0][1:]}
    assert len(seen) == 12
    assert "(1 of " in text
    parts = text.split(r"\clearpage")
    assert len(parts) > 1 and all(part.count(r"\begin{table*}") <= 10 for part in parts)


def test_html_stands_alone_and_is_escaped(tmp_path):
    cell = own(tmp_path, [[1.0, 0.5]], model="x_y")
    collected = collect_results([cell])
    for frame in collected:
        frame["model"] = frame["model"].cat.rename_categories(["<b>&"])
    write_summary(summary.summarise(collected), collected.runs, html=tmp_path / "s.html")
    text = (tmp_path / "s.html").read_text()
    assert "<b>" not in text and "&lt;b&gt;&amp;" in text
    assert not re.search(r"(src|href|url)\s*[=(]", text)  # nothing to load from elsewhere
    assert text.count("<table>") == text.count("</table>") == 8
    assert "<th>own</th>" in text


def test_names_of_papers_and_of_users():
    assert labels.model("elstm") == "e-LSTM" and labels.model("my_net") == "my_net"
    assert labels.task("anbncn") == "aⁿbⁿcⁿ" and labels.task("my_task") == "my_task"
    assert labels.task_latex("anbn") == "$a^nb^n$" and labels.task_latex("my_task") == r"my\_task"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (1, "100"), (0.9999, "99.9"), (0.5, "50.0"), (0.0004, "0.1"), (0, "0"),
        (0.29, "29.0"), (2 / 3, "66.7"), (13 / 15, "86.7"), (1 / 3, "33.3"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_percentages_are_rounded_but_never_to_all_or_nothing(share, expected):
    assert labels.percent(share) == expected


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_percentages_are_near_the_share_and_exact_at_the_ends(counts):
    share = counts[0] / counts[1]
    for decimals in (0, 1):
        text = labels.percent(share, decimals)
        assert (text == "100") == (share == 1) and (text == "0") == (share == 0)
        if share not in (0, 1):
            near = 0.5 if decimals == 0 else 0.05
            assert 0.1 <= float(text) <= 99.9
            assert abs(float(text) - min(max(100 * share, 0.1), 99.9)) <= near + 1e-9


CARD = {
    "task": "parity",
    "language": "parity",
    "notes": ["A note about *this* set."],
    "splits": {
        "train": {
            "bin": "2-50", "strings": 10_000, "distinct": 9_000, "duplicates": 1_000,
            "symbols": 250_000, "min_length": 3, "max_length": 50, "lengths": 48,
            "possible_lengths": 49, "classes": {"odd": 0.48, "even": 0.52}, "overlap": {},
        },
        "test 51-100": {
            "bin": "51-100", "strings": 500, "distinct": 500, "duplicates": 0,
            "symbols": 37_000, "min_length": 51, "max_length": 100, "lengths": 50,
            "possible_lengths": 50, "classes": {"odd": 0.5, "even": 0.5},
            "overlap": {"train": 0, "validation": 7},
        },
    },
}  # fmt: skip


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "parity.json"
    write_sealed(path, CARD)
    return path


def test_datasets_table(card, tmp_path):
    write_datasets(
        [card], csv=tmp_path / "d.csv", markdown=tmp_path / "d.md", html=tmp_path / "d.html"
    )
    frame = pd.read_csv(tmp_path / "d.csv").set_index("set")
    assert frame.loc["train", "distinct"] == 9_000 and pd.isna(frame.loc["train", "in_training"])
    assert frame.loc["test 51-100", "in_validation"] == 7
    assert frame.loc["train", "largest_class"] == 0.52
    text = (tmp_path / "d.md").read_text()
    assert "## Parity" in text and "10,000" in text and "odd: 48.0, even: 52.0" in text
    assert "48 of 49" in text and r"\*this\*" in text
    page = (tmp_path / "d.html").read_text()
    assert "<th>test 51–100</th>" in page and "48 of 49" in page


def test_many_classes_are_not_listed_one_by_one(tmp_path):
    card = json.loads(json.dumps(CARD))
    card["splits"]["train"]["classes"] = {str(i): (i + 1) / 5050 for i in range(100)}
    write_sealed(tmp_path / "many.json", card)
    write_datasets([tmp_path / "many.json"], markdown=tmp_path / "d.md")
    assert "| 100 classes: 0.1 to 2.0 each |" in (tmp_path / "d.md").read_text()


def test_training_lengths_are_those_of_the_card(card):
    assert card_reader.training_lengths([card]) == {"parity": (2, 50)}


@pytest.mark.parametrize("text", ["{", "[]", '{"task": "parity"}', ""])
def test_bad_card_is_named(card, text):
    card.write_text(text)
    with pytest.raises(ResultsError, match=f"{card}: not a dataset card"):
        card_reader.training_lengths([card])


def test_missing_card_is_named(tmp_path):
    with pytest.raises(ResultsError, match=r"nowhere\.json: the dataset card is missing"):
        write_datasets([tmp_path / "nowhere.json"])


def test_marks_are_explained_where_they_occur_and_only_there(tmp_path):
    apart = own(tmp_path, [[1.0, 1.0], [1.0, 0.5]], "apart")
    died = own(tmp_path, [[1.0, 0.5], [0.9, 0.5]], "died", status=["budget", "diverged"])

    def texts(*cells):
        found = collect_results(cells)
        paths = {"latex": tmp_path / "s.tex", "markdown": tmp_path / "s.md"}
        write_summary(summary.summarise(found), found.runs, **paths)
        return [section(parts_of(found), "accuracy").note, *(p.read_text() for p in paths.values())]

    note, latex, markdown = texts(apart)
    assert "◇: seeds differ by more than 20 points." in note and "†" not in note
    assert r"$^\diamond$: seeds differ by" in latex and "dagger" not in latex
    assert "◇:" in markdown and "†" not in markdown
    note, latex, markdown = texts(died)
    assert "◇" not in note and "a seed diverged; it is evaluated with its last finite" in note
    assert r"$^\dagger$: a seed diverged" in latex and "diamond" not in latex
    assert "Bold" not in note and "†: a seed" in markdown


def test_every_table_of_accuracies_says_how_they_are_rounded(paper):
    for part in parts_of(paper):
        assert (labels.ROUNDED in part.note) == (part.label.split("-")[0] in ("accuracy", "median"))


def test_what_has_no_results_keeps_its_place(tmp_path):
    found = collect_results([own(tmp_path, [[1.0, 1.0]], name) for name in ("a", "c")])
    names = [Name("model", name, "lstm", name) for name in ("c", "b", "a")]
    lost = [{"task": "own", "model": "b", "seed": 0, "state": "failed", "error": "", "log": ""}]
    with labels.shown_as(names):
        for part in sections(summary.summarise(found), found.runs, missing=lost):
            assert [one.models for one in part.grids] == [["c", "b", "a"]] * len(part.grids)


def test_groups_of_tasks_have_a_mean_of_their_own(tmp_path):
    accuracies = {"one": [[1.0, 0.5], [0.5, 0.5]], "two": [[0.25, 0.5]] * 2, "three": [[1.0, 1.0]]}
    cells = [own(tmp_path / task, found, task=task) for task, found in accuracies.items()]
    cells.append(own(tmp_path / "alone", [[0.0, 0.0]], task="alone"))
    found = collect_results(cells)
    assert "groups" not in [part.label for part in parts_of(found)]
    names = [
        Name("task", task, "parity", task, group=group)
        for task, group in (("three", "LT"), ("one", "SL"), ("two", "SL"))
    ]
    lost = [{"model": "mine", "task": "three", "seed": 1, "state": "missing"}]
    with labels.shown_as(names):
        whole = summary.summarise(found)
        first, second = section(sections(whole, found.runs), "groups").grids
        marked = section(sections(whole, found.runs, missing=lost), "groups").grids[0]
    assert first.tasks == ["LT", "SL"]
    assert first.cell("mine", "SL").text == "50.0 (25.0–75.0)"
    assert first.cell("mine", "LT").text == "100" and first.cell("mine", "LT").strong
    assert second.cell("mine", "SL").text == "50.0" and second.cell("mine", "SL").share == 0.5
    assert marked.cell("mine", "LT").text == "100‡"
