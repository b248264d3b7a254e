"""The benchmark as a person reads it: a table of ops, a table of steps, a figure."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from fwp.report import labels
from fwp.report.figures.style import GREY, settings
from fwp.report.tables.grid import markdown_table

LINES = {
    "native": ("#0072b2", "o"),
    "triton": ("#0072b2", "o"),
    "fused": ("#009e73", "D"),
    "chunked": ("#d55e00", "s"),
    "generalised": ("#eba21a", "P"),
    "parallel": ("#882255", "X"),
    "fla": ("#cc79a7", "v"),
    "reference": ("#1b1b1b", "^"),
}


def markdown(ops: pd.DataFrame, steps: pd.DataFrame, machine: str) -> str:
    """Both tables, each with a line that says what it shows."""
    parts = [
        f"# Benchmark\n\n{machine}\n",
        "## A training step\n\nForward, backward and Adam on a batch of strings of 50 symbols, for "
        "one seed or several trained at a time. *Floor*: the time of the step's matrix products at "
        "the rate of a large one. "
        "*Reference*: the same model with its recurrence as a PyTorch loop over time.\n",
        _steps(steps),
        "\n## Ops\n\nForward and backward, milliseconds, and how many times faster than the loop "
        "over time (`reference`), than PyTorch's matrix form (`chunked`) and than "
        "flash-linear-attention (`fla`), where there are such.\n",
        _ops(ops),
    ]
    return "\n".join(parts)


def _steps(steps: pd.DataFrame) -> str:
    rows = []
    for (model, size), group in steps.groupby(["model", "pack"], sort=False):
        times = group.set_index("recurrence")["seconds"]
        floor = group["floor_seconds"].iloc[0]
        ours = times["default"]
        loop = times.get("reference")
        rows.append(
            {
                "model": labels.model(str(model)),
                "seeds": size,
                "batch": group["batch"].iloc[0],
                "ms per seed": f"{1e3 * ours:.3g}",
                "floor, ms": f"{1e3 * floor:.3g}",
                "× floor": f"{ours / floor:.1f}",
                "reference, ms": "" if loop is None else f"{1e3 * loop:.1f}",
                "× faster": "" if loop is None else f"{loop / ours:.1f}",
            }
        )
    return _table(rows)


def _ops(ops: pd.DataFrame) -> str:
    rows = []
    keys = ["op", "size", "time"]
    for (op, size, length), group in ops[ops["pass"] == "training"].groupby(keys, sort=False):
        times = group.set_index("backend")["seconds"]
        rates = group.set_index("backend")["gflops"]
        ours = next(name for name in ("native", "triton", *times.index) if name in times)
        loop = times.get("reference")
        rows.append(
            {
                "op": op,
                "D": size,
                "T": length,
                "backend": ours,
                "ms": f"{1e3 * times[ours]:.2f}",
                "GFLOP/s": f"{rates[ours]:.1f}",
                "× reference": "" if loop is None else f"{loop / times[ours]:.1f}",
                **{
                    f"× {other}": f"{times[other] / times[ours]:.1f}" if other in times else ""
                    for other in ("chunked", "fla")
                    if other in ops["backend"].values
                },
            }
        )
    return _table(rows)


def _table(rows: list[dict]) -> str:
    return markdown_table(list(rows[0]), [list(map(str, row.values())) for row in rows]) + "\n"


def figure(ops: pd.DataFrame, size: int = 16) -> Figure:
    """Time of forward and backward against length, one panel per op, one line per backend."""
    ops = ops[(ops["pass"] == "training") & (ops["size"] == size)]
    names = list(dict.fromkeys(ops["op"]))
    with settings():
        page = Figure(figsize=(1.5 * len(names) + 0.3, 2.1), layout="constrained")
        axes = page.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axis, name in zip(axes, names, strict=True):
            of_op = ops[ops["op"] == name]
            for backend, (colour, marker) in LINES.items():
                line = of_op[of_op["backend"] == backend]
                if len(line):
                    axis.plot(line["time"], 1e3 * line["seconds"], color=colour, marker=marker)
            floor = of_op.drop_duplicates("time")
            axis.plot(floor["time"], 1e3 * floor["floor_seconds"], color=GREY, linestyle=":")
            axis.set(xscale="log", yscale="log", xlabel="Length")
            axis.set_xticks(floor["time"], [str(length) for length in floor["time"]])
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g}"))
            axis.yaxis.set_minor_formatter(NullFormatter())
            axis.set_title(name.replace("_", " "), pad=3)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("Forward + backward (ms)")
        shown = {name: line for name, line in LINES.items() if name in set(ops["backend"])}
        handles = [Line2D([], [], color=c, marker=m, label=n) for n, (c, m) in shown.items()]
        handles.append(Line2D([], [], color=GREY, linestyle=":", label="floor"))
        page.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
    return page
