"""The charts of the explorer, as Vega-Lite that Altair writes; the page fills in their data."""

import warnings
from collections.abc import Sequence
from typing import Any

import altair as alt

from fwp.report import shades

WHOLE = "datum.value % 1 ? '' : format(datum.value, ',d')"
"""Labels of an axis of epochs, which has no halves."""

ONLY = "only === '' || datum.seed === only"
STEPS = 64  # between which the letters of the heat map change from black to white
EMPTY = alt.InlineData([])


def heat_map() -> dict[str, Any]:
    """Models × tasks. Data "cells": model, task, their places, key, text, shade, and what hovers.

    Parameters: open and at, the keys of the cell that is shown and of that of the keyboard.
    """
    opened = alt.param(name="open", value="")
    at = alt.param(name="at", value="")
    bare: dict[str, Any] = {"title": None, "labelPadding": 6, "ticks": False, "domain": False}
    base = alt.Chart(alt.NamedData("cells")).encode(
        x=alt.X(
            "task:N",
            sort=alt.EncodingSortField("task_place", op="min"),
            scale=alt.Scale(paddingInner=0.03),
            axis=alt.Axis(orient="top", labelLimit=140, **bare),
        ),
        y=alt.Y(
            "model:N",
            sort=alt.EncodingSortField("model_place", op="min"),
            scale=alt.Scale(paddingInner=0.06),
            axis=alt.Axis(labelLimit=150, **bare),
        ),
    )
    colour = alt.Color(
        "shade:Q",
        scale=alt.Scale(domain=[0, 1], range=list(shades.RAMP), clamp=True),
        legend=None,
        condition=[
            {"test": "datum.shade === null", "value": "#8884"},
            {"test": "datum.shade >= 1", "value": shades.ALL},
        ],
    )
    mark = alt.when(f"datum.key === {opened.name} || datum.key === {at.name}")
    squares = base.mark_rect(cornerRadius=3, cursor="pointer").encode(
        color=colour,
        stroke=mark.then(alt.value("#e4572e")).otherwise(alt.value(None)),
        strokeWidth=mark.then(alt.value(3)).otherwise(alt.value(0)),
    )
    letters = base.mark_text(fontSize=12, cursor="pointer").encode(
        text="text:N",
        color=alt.when("datum.shade === null")
        .then(alt.value("#888"))
        .when(f"datum.shade >= {white_from()}")
        .then(alt.value(shades.WHITE))
        .otherwise(alt.value(shades.BLACK)),
    )
    chart = alt.layer(squares, letters).add_params(opened, at)
    return _spec(chart.resolve_scale(color="independent"))


def white_from() -> float:
    """The least shade on which white letters can be read better than black ones."""
    shares = (i / STEPS for i in range(STEPS + 1))
    return next(s for s in shares if shades.letters(shades.shade(s)) == shades.WHITE)


def line_charts(charts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Charts side by side, with a line per seed; to point at a seed picks it out in all of them.

    So does the parameter only, a seed.

    Args:
        charts: of each its name, which is also that of its data (seed, x, y and kept), the titles
            x and y, whether x is "log" or "large" (else it is whole), and whether y is a "share" in
            [0, 1]. Data "trained" has the range of x (low, high) of training strings, for a chart
            that has "trained" set.
    """
    picked = alt.selection_point(name="picked", fields=["seed"], bind="legend")
    under = alt.selection_point(
        name="under", fields=["seed"], on="pointerover", clear="pointerout", empty=True
    )
    only = alt.param(name="only", value="")
    shown = {"and": [{"param": "picked"}, {"param": "under"}, ONLY]}
    parts = [_lines(chart, alt.PredicateComposition(shown)) for chart in charts]
    whole = alt.concat(*parts, columns=len(parts), spacing=28)
    with warnings.catch_warnings():
        # The parameters are meant to be those of all parts.
        warnings.filterwarnings("ignore", message="Automatically deduplicated")
        return _spec(whole.add_params(picked, under, only))


def _lines(chart: dict[str, Any], picked: Any) -> Any:
    log, share = chart.get("log"), chart.get("share")
    ticks: dict[str, Any] = {"format": "~s"} if log or chart.get("large") else {"labelExpr": WHOLE}
    x_axis = alt.Axis(title=chart["x"], grid=False, tickCount=5, **ticks)
    y_axis = alt.Axis(title=chart["y"], tickCount=5, format="%" if share else "~g")
    base = alt.Chart(alt.NamedData(chart["name"])).encode(
        x=alt.X("x:Q", axis=x_axis, scale=alt.Scale(type="log" if log else "linear", nice=False)),
        y=alt.Y(
            "y:Q",
            axis=y_axis,
            scale=alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=False),
        ),
        color=alt.Color(
            "seed:N",
            scale=alt.Scale(scheme="tableau10"),
            legend=alt.Legend(title="Seed", orient="bottom", direction="horizontal", columns=8),
        ),
    )
    strong = alt.when(picked)
    lines = base.mark_line(strokeWidth=2, interpolate="linear", clip=True).encode(
        opacity=strong.then(alt.value(0.9)).otherwise(alt.value(0.12))
    )
    tooltip = [
        alt.Tooltip("seed:N", title="Seed"),
        alt.Tooltip("x:Q", title=chart["x"], format=",.0f"),
        alt.Tooltip("y:Q", title=chart["y"], format=".1%" if share else ".4~g"),
    ]
    points = base.mark_point(filled=True, size=70).encode(
        opacity=alt.when("datum.kept").then(alt.value(1)).otherwise(alt.value(0)), tooltip=tooltip
    )
    layers: list[Any] = [lines, points]
    if chart.get("trained"):
        band = alt.Chart(alt.NamedData("trained")).mark_rect(color="#888", opacity=0.14)
        layers.insert(0, band.encode(x=alt.X("low:Q"), x2="high:Q"))
    return alt.layer(*layers)


def _spec(chart: Any) -> dict[str, Any]:
    spec = chart.to_dict(validate=False)  # a test does that, and it takes as long again
    spec.pop("config", None)  # the page has one for light and one for dark
    return spec
