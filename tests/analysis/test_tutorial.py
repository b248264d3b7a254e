"""The blocks of the tutorial run, one after another, on small results."""

import re
import shutil
import textwrap
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

pytestmark = pytest.mark.xdist_group("small_grid")
PAGE = Path(__file__).parents[2] / "docs/tutorial.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def ran(small_results, tmp_path_factory):
    """What the blocks leave behind, and where."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "results").symlink_to(small_results)
    shutil.copytree(small_results, folder / "results_before")
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with mpl.rc_context({"backend": "agg", "savefig.dpi": 40}):
            for i, block in enumerate(BLOCKS):
                exec(compile(block, f"block {i} of {PAGE.name}", "exec"), names)
    return folder, names


def test_blocks_make_what_the_page_says(ran):
    folder, names = ran
    assert {"parity.svg", "length.svg"} <= {path.name for path in folder.iterdir()}
    curves = names["curves"]
    assert len(curves) == 200 * 2 and curves["probability"].between(0, 1).all()
    assert names["comparison"].identical
    assert names["mistakes"]["before"].str.fullmatch("[01]{1,4}").all()


def test_a_model_that_goes_on_says_what_it_says_of_the_whole(ran):
    _, names = ran
    cell = names["cell"]
    whole = cell.predict(0, "01101")
    assert cell.decode(names["more"])[0] == whole["predicted"].tolist()[-1:]


def test_right_classes_of_the_figure_are_those_of_the_language(ran):
    _, names = ran
    frame = names["cell"].predict(0, "1" * 200)
    assert frame["target"].tolist() == names["right"]
    assert isinstance(names["curves"], pd.DataFrame)


def test_the_lines_on_results_in_the_page_on_usage_run(ran, monkeypatch):
    folder, names = ran
    monkeypatch.chdir(folder)
    text = (PAGE.parent / "usage.md").read_text(encoding="utf-8").split("## Results in Python")[1]
    (lines,) = re.findall(r"^    (results = fwp\.load_results.*\n(?: {4}.*\n)*)", text, re.M)
    exec(compile(textwrap.dedent(f"    {lines}"), "usage.md", "exec"), {"fwp": names["fwp"]})
