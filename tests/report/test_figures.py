import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from fwp.report.figures import style
from fwp.report.figures.heatmap import CELL, heatmap
from fwp.report.figures.learning import continued, learning_curves
from fwp.report.figures.length import accuracy_by_length, grouped
from fwp.report.figures.lines import log_ticks
from fwp.report.figures.solved import solved_by
from fwp.report.figures.strip import strip
from fwp.report.figures.style import looks
from fwp.report.figures.write import write_figures
from fwp.report.shades import contrast
from fwp.results.collect import collect_results, write_results

DRAW = {
    "heatmap": lambda r: heatmap(r.accuracy),
    "length": lambda r: accuracy_by_length(
        r.accuracy, dict.fromkeys(r.runs["task"].unique(), (2, 50))
    ),
    "learning": lambda r: learning_curves(r.history, r.runs),
    "strip": lambda r: strip(r.accuracy),
    "solved": lambda r: solved_by(r.history, r.runs),
}
ROOT = Path(__file__).parents[2]
MANY_MODELS = [*synthetic.MODELS, *(f"my_model_{i}" for i in range(8))]
MANY_TASKS = [*synthetic.TASKS, *(f"a_long_task_name_{i}" for i in range(12))]


def odd_grid(folder):
    """Missing cells, missing bins, bins of one's own, and every kind of divergence."""
    cells = []
    for i, task in enumerate(synthetic.TASKS[:5]):
        for j, model in enumerate(synthetic.MODELS):
            if (i, j) == (3, 2):
                continue
            kind = (i + j) % 6
            bins = {"aa_star": ["2-500", "504-594"], "dyck_1": ["2-50"]}
            cells.append(
                synthetic.write_cell(
                    folder, task, model, [0, 1, 2],
                    bins=bins.get(task, ["2-50", "51-100", "101-200"]),
                    diverged=(0, 1, 2) if kind == 0 else (1,) if kind == 1 else (),
                )
            )  # fmt: skip
    return cells


GRIDS = {
    "paper": synthetic.write_grid,
    "one": lambda folder: synthetic.write_grid(folder, ["deltanet"], ["parity"], [0]),
    "many": lambda folder: synthetic.write_grid(
        folder, MANY_MODELS, MANY_TASKS, [0], lengths=False, epochs=12
    ),
    "odd": odd_grid,
    "narrow": lambda folder: synthetic.write_grid(
        folder, ["elman", "a_model_with_a_very_" + 5 * "very_" + "long_name"], ["a_task_of_mine"],
        [0, 1], bins=["2-50"],
    ),
    "diverged": lambda folder: synthetic.write_grid(
        folder, ["lstm", "a_model_with_a_rather_long_name"], ["parity", "$own_task$"], [0, 1],
        diverged=(0, 1),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def grids(tmp_path_factory):
    collected = {}

    def get(name):
        if name not in collected:
            collected[name] = collect_results(GRIDS[name](tmp_path_factory.mktemp(name)))
        return collected[name]

    return get


@pytest.fixture(scope="module")
def drawn(grids):
    """A figure of a grid, drawn once."""
    figures_ = {}

    def get(kind, name):
        if (kind, name) not in figures_:
            figures_[kind, name] = DRAW[kind](grids(name))
        return figures_[kind, name]

    return get


def panels(figure):
    return [axis for axis in figure.axes if axis.get_label() != "key"]


def lines(axis):
    """The models' lines, by name."""
    return {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}


# What is drawn ------------------------------------------------------------------------------------


def test_heatmap_has_a_panel_per_bin_and_a_number_per_cell(grids, drawn):
    data, figure = grids("paper"), drawn("heatmap", "paper")
    assert [axis.get_title() for axis in panels(figure)] == [
        "Length 2–50", "Length 51–100", "Length 101–200", "Length 201–500", "Length 501–1000",
    ]  # fmt: skip
    for axis in panels(figure):
        assert len(axis.texts) == 56
    numbers = {text.get_position(): text.get_text() for text in panels(figure)[1].texts}
    rows = data.accuracy[data.accuracy["length"].isna() & (data.accuracy["bin"] == "51-100")]
    own = rows[(rows["model"] == "transformer") & (rows["task"] == "dyck_1")]
    mean = own["sequence_accuracy"].mean()
    assert numbers[3.5, 2.5] == f"{100 * mean:.1f}"


def test_heatmap_names_models_once_per_row_and_tasks_once_per_column(drawn):
    axes = panels(drawn("heatmap", "paper"))
    named = [[label.get_text() for label in axis.get_yticklabels()] for axis in axes]
    assert named[0][0] == "LSTM" and named[0][-1] == "SRWM"
    assert [any(labels) for labels in named] == [True, False, False, True, False]
    named = [any(t.get_text() for t in axis.get_xticklabels()) for axis in axes]
    assert all(named)  # five panels in three columns: none has its names in mid-air


def test_heatmap_marks_divergence_and_what_is_missing(drawn):
    axes = panels(drawn("heatmap", "odd"))
    assert [axis.get_title() for axis in axes] == ["Bin 0", "Bin 1", "Bin 2"]
    texts = {text.get_position(): text.get_text() for text in axes[0].texts}
    assert texts[0.5, 0.5] == "div."  # every seed of lstm on parity
    assert texts[1.5, 0.5].endswith("†")  # one seed of lstm on (aa)*
    assert texts[3.5, 2.5] == "–"  # was not run
    texts = {text.get_position(): text.get_text() for text in axes[1].texts}
    assert all(texts[3.5, y + 0.5] == "–" for y in range(7))  # dyck_1 has one bin only


def test_heatmap_gets_darker_with_accuracy():
    from fwp.report.figures.heatmap import COLOURS

    greys = np.dot(COLOURS(np.linspace(0, 1, 101))[:, :3], (0.299, 0.587, 0.114))
    assert (np.diff(greys) < 0).all()


def test_length_has_a_panel_per_task_and_a_line_per_model(drawn):
    figure = drawn("length", "paper")
    assert len(panels(figure)) == 8
    for axis in panels(figure):
        assert list(lines(axis)) == synthetic.MODELS
        assert axis.get_xscale() == "log" and axis.get_xlim()[1] >= 1000
    axis = panels(figure)[0]
    x, y = lines(axis)["transformer"].get_data()
    assert (np.diff(x) > 0).all() and y[0] == 1 and y[-1] == 0
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "LSTM", "e-LSTM", "Transformer", "Linear Transformer", "DeltaNet", "Recurrent Delta",
        "SRWM", "training lengths",
    ]  # fmt: skip


def test_a_line_is_the_median_and_thin_ones_are_the_seeds(grids, drawn):
    points = grouped(grids("paper").accuracy)
    own = points[(points["task"] == "dyck_1") & (points["model"] == "transformer")]
    seeds = own.pivot(index="length", columns="seed", values="accuracy")
    axis = panels(drawn("length", "paper"))[3]
    assert lines(axis)["transformer"].get_ydata() == pytest.approx(seeds.median(axis=1).to_numpy())
    thin = axis.collections[synthetic.MODELS.index("transformer")]
    assert [path.vertices[:, 1].tolist() for path in thin.get_paths()] == seeds.T.values.tolist()
    assert thin.get_linewidth()[0] < lines(axis)["transformer"].get_linewidth()


@pytest.mark.parametrize("kind", ["length", "learning", "solved"])
def test_lines_that_coincide_lie_side_by_side(drawn, kind):
    """Many models are at 100 % or at 0: none may hide another, and none is far from its value."""
    axis = panels(drawn(kind, "paper"))[0]
    to_page = axis.transData
    moved = {
        name: line.get_transform().transform((1, 1))[1] - to_page.transform((1, 1))[1]
        for name, line in lines(axis).items()
    }
    points = np.array([72 / axis.figure.dpi * by for by in moved.values()])
    assert list(moved) == synthetic.MODELS and (np.diff(points) < -0.5).all()
    assert abs(points).max() < 2.5 and points.sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", ["learning", "solved"])
def test_every_line_reaches_the_end_of_its_panel_with_a_marker_of_its_own_place(drawn, kind):
    for axis in panels(drawn(kind, "paper")):
        markers = {
            str(line.get_label()): line.get_xdata()[0]
            for line in axis.lines
            if line.get_label().startswith("_") and line.get_marker() not in ("o", "None")
        }
        assert len(set(markers.values())) == len(markers) >= 6  # LSTM's is a circle
        ends = [line.get_xdata()[-1] for line in axis.lines if len(line.get_xdata()) == 2]
        assert ends.count(axis.get_xlim()[1]) >= 7


def test_few_epochs_have_a_linear_axis(drawn):
    for kind in ("learning", "solved"):
        assert {axis.get_xscale() for axis in panels(drawn(kind, "paper"))} == {"linear"}


def test_length_shades_the_training_lengths(grids):
    axis = panels(accuracy_by_length(grids("one").accuracy, {"parity": (2, 50)}))[0]
    shade = next(
        patch for patch in axis.patches if to_rgb(style.SHADE) == patch.get_facecolor()[:3]
    )
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (2, 50)
    figure = accuracy_by_length(grids("one").accuracy)
    assert not panels(figure)[0].patches
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["DeltaNet"]


def test_groups_of_lengths_keep_the_mean_and_the_bins(grids):
    data = grids("one")
    points = grouped(data.accuracy)
    assert (points["group"] >= 0).all() and len(points) < 40
    single = data.accuracy[data.accuracy["length"].notna()]
    for bin, rows in single.groupby("bin", observed=True):
        mine = points[points["bin"] == bin]
        low, high = map(int, bin.split("-"))
        assert mine["length"].between(low, high).all()
        assert mine["accuracy"].min() >= rows["sequence_accuracy"].min()
        assert mine["accuracy"].max() <= rows["sequence_accuracy"].max()
    # Lengths 2 and 4 are too far apart to share a point; 52 to 62 do.
    first = single.set_index("length")["sequence_accuracy"]
    assert points["accuracy"].iloc[:2].tolist() == [first[2], first[4]]
    assert points.loc[points["bin"] == "51-100", "length"].iloc[0] == pytest.approx(55.9, abs=0.2)


def test_length_without_measurements_per_length_shows_bins(grids):
    points = grouped(grids("many").accuracy)
    assert len(points) == len(MANY_MODELS) * len(MANY_TASKS) * 5
    assert points["length"].iloc[0] == pytest.approx(np.sqrt(2 * 50))


def test_learning_counts_seeds_that_have_stopped_too(grids):
    history = grids("one").history.iloc[:0]
    rows = [
        ("parity", "lstm", 0, 1, 0.5), ("parity", "lstm", 0, 2, 1.0),
        ("parity", "lstm", 1, 1, 0.1), ("parity", "lstm", 1, 2, 0.4),
        ("parity", "lstm", 1, 3, 0.2), ("parity", "lstm", 1, 4, float("nan")),
    ]  # fmt: skip
    history = pd.DataFrame(rows, columns=["task", "model", "seed", "epoch", "selection"])
    wide = continued(history).pivot(index="epoch", columns="seed", values="selection")
    assert wide[0].tolist() == [0.5, 1.0, 1.0, 1.0]
    assert wide[1].tolist() == [0.1, 0.4, 0.2, 0.0]


def test_learning_shows_an_epoch_as_it_ends_and_knows_the_best_within():
    rows = [
        ("parity", "lstm", 0, 1, 50, 0.6), ("parity", "lstm", 0, 1, 100, 0.5),
        ("parity", "lstm", 0, 2, 150, 0.8), ("parity", "lstm", 0, 2, 200, 0.3),
        *(("parity", "lstm", 1, 1 + i // 2, 50 * (i + 1), 0.1) for i in range(6)),
    ]  # fmt: skip
    columns = ["task", "model", "seed", "epoch", "strings", "selection"]
    history = pd.DataFrame(rows, columns=columns)
    by_epoch = continued(history).pivot(index="epoch", columns="seed", values="selection")
    assert by_epoch[0].tolist() == [0.5, 0.3, 0.8]  # then with the weights that it kept
    by_strings = continued(history, "strings")
    by_strings = by_strings.pivot(index="strings", columns="seed", values="selection")
    assert by_strings[0].tolist() == [0.6, 0.5, 0.8, 0.3, 0.8, 0.8]


def test_learning_marks_where_runs_diverge(drawn):
    figure = drawn("learning", "diverged")
    crosses = [line for line in panels(figure)[0].lines if line.get_marker() == "x"]
    assert len(crosses) == 4 and {tuple(line.get_xdata()) for line in crosses} == {(3,)}
    assert "diverged" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert not [
        line for axis in panels(drawn("learning", "paper")) for line in axis.lines
        if line.get_marker() == "x"
    ]  # fmt: skip


@pytest.mark.parametrize(("x", "label"), [("strings", "Training strings seen"), ("epoch", "Epoch")])
def test_learning_against_epochs_or_strings(grids, x, label):
    data = grids("one")
    axis = panels(learning_curves(data.history, data.runs, x=x))[0]
    assert axis.get_xlabel() == label
    assert lines(axis)["deltanet"].get_xdata().tolist() == sorted(data.history[x])


def test_learning_refuses_other_axes(grids):
    with pytest.raises(ValueError, match="epoch or strings, got 'loss'"):
        learning_curves(grids("one").history, grids("one").runs, x="loss")


# How models look ----------------------------------------------------------------------------------


def test_a_model_looks_the_same_in_every_figure(drawn):
    found = [
        lines(axis) for kind in ("length", "learning") for axis in panels(drawn(kind, "paper"))
    ]
    for model in synthetic.MODELS:
        looks = {(each[model].get_color(), each[model].get_marker()) for each in found}
        assert len(looks) == 1


def test_known_models_look_the_same_in_every_experiment():
    alone = looks(["srwm"])["srwm"]
    assert looks(["mine", *synthetic.MODELS, "other"])["srwm"] == alone


def test_all_looks_differ():
    found = looks(MANY_MODELS)
    assert list(found) == MANY_MODELS
    assert len({(look.colour, look.dashes) for look in found.values()}) == len(MANY_MODELS)
    first = list(found.values())[:14]
    assert len({look.marker for look in first}) == len({look.colour for look in first}) == 14


def lightness(colour):
    """CIE L* of a colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 116 * np.dot(linear, (0.2126, 0.7152, 0.0722)) ** (1 / 3) - 16


def test_known_models_can_be_told_apart_in_grey():
    found = looks(synthetic.MODELS).values()
    greys = [lightness(look.colour) for look in found]
    assert min(np.diff(greys)) > 6 and greys[-1] < 75  # steps, and nothing that fades on paper
    assert len({look.marker for look in found}) == len(found)


# The page -----------------------------------------------------------------------------------------


def corners(text, renderer):
    """The rectangle of a drawn text, rotated as it is."""
    angle = text.get_rotation()
    anchor = text.get_transform().transform(text.get_unitless_position())
    text.set_rotation(0)
    box = text.get_window_extent(renderer).get_points()
    text.set_rotation(angle)
    (x0, y0), (x1, y1) = box
    points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    if angle % 360 == 0:
        return points
    if text.get_rotation_mode() != "anchor":  # a vertical label of an axis
        box = text.get_window_extent(renderer).get_points()
        return np.array([(x, y) for x in box[:, 0] for y in box[:, 1]])[[0, 1, 3, 2]]
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (points - anchor) @ matrix.T + anchor


def overlap(a, b):
    """Whether two convex polygons overlap by more than a pixel (separating axes)."""
    for polygon in (a, b):
        for edge in np.roll(polygon, -1, 0) - polygon:
            normal = np.array([-edge[1], edge[0]]) / max(np.hypot(*edge), 1e-9)
            one, other = a @ normal, b @ normal
            if one.max() <= other.min() + 1 or other.max() <= one.min() + 1:
                return False
    return True


def texts(figure):
    """Every text that can be seen."""
    found = [*figure.texts]
    for legend in figure.legends:
        found += legend.get_texts()
    for axis in figure.axes:
        found += [axis.title, axis._left_title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        for one in (axis.xaxis, axis.yaxis):
            low, high = sorted(one.get_view_interval())
            for tick in one.get_major_ticks():
                if tick.label1.get_visible() and low <= tick.get_loc() <= high:
                    found.append(tick.label1)
    return [text for text in found if isinstance(text, Text) and text.get_text().strip()]


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kind", DRAW)
def test_no_text_runs_into_another_or_off_the_page(drawn, kind, name):
    figure = drawn(kind, name)
    with style.settings():
        canvas = FigureCanvasAgg(figure)
        figure.draw_without_rendering()  # puts all in its place
        seen = texts(figure)
        boxes = [corners(text, canvas.get_renderer()) for text in seen]
    width, height = canvas.get_width_height()
    assert len(seen) > 5
    low, high = (np.array([pick(box, axis=0) for box in boxes]) for pick in (np.min, np.max))
    for text, a, b in zip(seen, low, high, strict=True):
        assert (a > -1).all() and b[0] < width + 1 and b[1] < height + 1, text.get_text()
    for i in range(len(boxes)):
        near = (low[i] < high[i + 1 :]).all(1) & (low[i + 1 :] < high[i]).all(1)
        for j in np.flatnonzero(near) + i + 1:
            assert not overlap(boxes[i], boxes[j]), (seen[i].get_text(), seen[j].get_text())


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kind", DRAW)
def test_panels_do_not_overlap(drawn, kind, name):
    figure = drawn(kind, name)
    if figure.stale:  # the colour key takes its shape
        figure.draw_without_rendering()
    boxes = [axis.get_position() for axis in drawn(kind, name).axes]
    for one, other in combinations(boxes, 2):
        assert not one.fully_overlaps(other)


@pytest.mark.parametrize("name", GRIDS)
def test_cells_have_the_same_size_in_every_heat_map(drawn, name):
    figure = drawn("heatmap", name)
    for axis in panels(figure):
        cells = axis.get_xlim()[1], axis.get_ylim()[0]
        size = figure.get_size_inches() * axis.get_position().size
        assert size / cells == pytest.approx(CELL, abs=0.005)


def test_numbers_fit_their_cells(drawn):
    figure = drawn("heatmap", "odd")
    with style.settings():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        axis = panels(figure)[0]
        cell = axis.get_window_extent().width / 5
        widths = [text.get_window_extent(canvas.get_renderer()).width for text in axis.texts]
    assert max(widths) < cell


# Files --------------------------------------------------------------------------------------------


def test_files_are_the_same_every_time(grids, tmp_path):
    """Also in another process, with another hash seed."""
    write_results(grids("one"), tmp_path / "tables")
    synthetic.seal_tables(tmp_path / "tables")
    code = (
        "import sys; from fwp.report.figures.write import write_figures;"
        "from fwp.results.collect import read_results;"
        "write_figures(read_results(sys.argv[1] + '/tables'), sys.argv[1] + '/other')"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7"}, cwd=ROOT)
    write_figures(grids("one"), tmp_path / "one")
    write_figures(grids("one"), tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    costs = [f"solved-{cost}" for cost in ("epochs", "strings", "seconds")]
    assert names == sorted(
        f"{stem}.{kind}"
        for stem in ("heatmap", "length", "learning", "strip", *costs)
        for kind in ("pdf", "png", "svg")
    )
    for name in names:
        bytes_ = (tmp_path / "one" / name).read_bytes()
        assert bytes_ == (tmp_path / "two" / name).read_bytes(), name
        assert bytes_ == (tmp_path / "other" / name).read_bytes(), name


def test_text_stays_text(grids, tmp_path):
    style.save(DRAW["length"](grids("diverged")), tmp_path / "figure")
    svg = (tmp_path / "figure.svg").read_text()
    assert ">$own_task$</text>" in svg and "date" not in svg.lower()
    assert "font-family: 'DejaVu Sans', 'Verdana', sans-serif" in svg
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf  # TrueType, embedded
    assert b"CreationDate" not in pdf


def test_drawing_leaves_matplotlib_alone(grids):
    import matplotlib

    def figures():  # a test before this one may have left some open
        return matplotlib.pyplot.get_fignums() if "matplotlib.pyplot" in sys.modules else []

    before = dict(matplotlib.rcParams), figures()
    DRAW["length"](grids("one"))
    assert (dict(matplotlib.rcParams), figures()) == before


def test_a_strip_has_a_point_per_seed_and_a_bar_at_the_median(grids, drawn):
    data, figure = grids("paper"), drawn("strip", "paper")
    assert panels(figure)[0].get_title() == "Parity, 51–100"
    for axis in panels(figure):
        points = [c.get_offsets() for c in axis.collections]
        medians, *boxes = axis.lines
        assert sum(map(len, points)) == 7 * 3 and len(medians.get_xdata()) == len(boxes) == 7
    rows = data.accuracy[data.accuracy["length"].isna() & (data.accuracy["bin"] == "51-100")]
    own = rows[(rows["model"] == "transformer") & (rows["task"] == "dyck_1")]["sequence_accuracy"]
    medians, *boxes = panels(figure)[3].lines
    assert medians.get_xdata()[2] == pytest.approx(own.median())
    assert boxes[2].get_xdata() == pytest.approx(own.quantile([0.25, 0.75]))


def test_diverged_seeds_are_crosses_in_a_strip(grids, drawn):
    crosses = [c for c in panels(drawn("strip", "diverged"))[0].collections if len(c.get_offsets())]
    runs = grids("diverged").runs
    task = panels(drawn("strip", "diverged"))[0].get_title().split(",")[0].lower()
    assert sum(len(c.get_offsets()) for c in crosses) == (runs["task"] == task).sum()


def test_solved_ends_at_the_share_of_runs_that_solved(grids, drawn):
    data, figure = grids("paper"), drawn("solved", "paper")
    runs = data.runs[data.runs["task"] == "parity"]
    axis = panels(figure)[0]
    ends = [line.get_ydata()[-1] for line in lines(axis).values()]
    shares = (runs["status"] == "solved").groupby(runs["model"], observed=True).mean()
    assert ends == pytest.approx(shares.tolist())
    assert all(line.get_xdata()[0] == 0 for line in lines(axis).values())
    assert axis.get_xlim()[0] < 0  # nothing is glued to the axis


def test_solved_refuses_another_axis(grids):
    data = grids("one")
    with pytest.raises(ValueError, match="x must be epochs, strings, seconds; got 'days'"):
        solved_by(data.history, data.runs, x="days")


@pytest.mark.parametrize(("longest", "label"), [(1000, "1000"), (100_000, "100k")])
def test_long_lengths_are_abbreviated(longest, label):
    axis = Figure(figsize=(2, 2)).subplots()
    log_ticks(axis, 2, longest)
    labels = axis.xaxis.get_major_formatter().format_ticks([10, longest])
    assert labels == ["10", label]


def test_numbers_of_a_heatmap_can_be_read(drawn):
    for name in ("paper", "odd", "diverged"):
        for axis in panels(drawn("heatmap", name)):
            mesh = axis.collections[0]
            mesh.update_scalarmappable()
            faces = {
                tuple(path.vertices[:4].mean(0)): to_hex(face)
                for path, face in zip(mesh.get_paths(), mesh.get_facecolors(), strict=True)
            }
            for text in axis.texts:
                bbox = text.get_bbox_patch()
                behind = to_hex(bbox.get_facecolor()) if bbox else faces[text.get_position()]
                assert contrast(to_hex(text.get_color()), behind) >= 4.5, text.get_text()


def test_all_can_be_told_from_nearly_all():
    from fwp.report.figures.heatmap import BELOW_ALL, COLOURS

    shown = [lightness(COLOURS(value / BELOW_ALL)) for value in (0.96, 0.999, 1.0)]
    assert shown[0] > shown[1] and shown[1] - shown[2] > 15


def test_cells_of_seeds_far_apart_have_a_corner(tmp_path):
    table = synthetic.table(
        *[("p", "far", seed, "budget", "2-50", None, value) for seed, value in enumerate((0, 1.0))],
        *[("p", "near", seed, "budget", "2-50", None, 0.5 + seed / 10) for seed in (0, 1)],
    )
    figure = heatmap(table)
    corners = [patch.get_xy()[0].tolist() for patch in panels(figure)[0].patches]
    assert corners == [[1, 0]]
    assert "20 points apart" in figure.axes[-1].get_title("left")
    assert "apart" not in heatmap(table[table["model"] == "near"]).axes[-1].get_title("left")
