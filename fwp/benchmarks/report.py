"""The benchmark as a person reads it: a table of ops, a table of steps, a figure."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.style import GREY, Look, handles, semantics
from fwp.report.tables.markdown import markdown_table

SOLID = (0, ())
LINES = {
    "native": Look("#0072b2", SOLID, "o"),
    "triton": Look("#0072b2", SOLID, "o"),
    "triton_chunks": Look("#56b4e9", SOLID, "p"),
    "fused": Look("#009e73", SOLID, "D"),
    "chunked": Look("#d55e00", SOLID, "s"),
    "generalised": Look("#eba21a", SOLID, "P"),
    "composed": Look("#6a4c93", SOLID, "h"),
    "parallel": Look("#882255", SOLID, "X"),
    "fla": Look("#cc79a7", SOLID, "v"),
    "reference": Look("#1b1b1b", SOLID, "^"),
    "floor": Look(GREY, (0, (1, 1.2)), "."),
}


PEERS = {"fla": "fla", "jax": "JAX", "torch.compile": "torch.compile", "loops": "loops"}


def markdown(ops: pd.DataFrame | None, steps: pd.DataFrame, machine: str) -> str:
    """Both tables, each with a line that says what it shows; None leaves out that of ops."""
    parts = [
        f"# Benchmark\n\n{machine}\n",
        "## A training step\n\nForward, backward and Adam on a batch of strings, for one seed or "
        "for several seeds at once; milliseconds per seed. *Floor*: the time of the step's matrix "
        "products at the rate of a large product. *JAX*: the same step in JAX, 50 steps per call, "
        "by the fastest of its ways. *Loops*: the same model with its recurrence as a PyTorch loop "
        "over time. *torch.compile*: these loops, compiled. The columns × say how many times as "
        "fast ours is.\n",
        _steps(steps),
        _left_out(steps),
    ]
    if ops is not None:
        parts += [
            "## Ops\n\nForward and backward, in milliseconds, with the speed-up over the loop over "
            "time (`reference`), over PyTorch's matrix form (`chunked`) and over "
            "flash-linear-attention (`fla`), where these exist.\n",
            _ops(ops),
        ]
    return "\n".join(filter(None, parts))


def _steps(steps: pd.DataFrame) -> str:
    rows = []
    there = [peer for peer in PEERS if peer in set(steps["implementation"])]
    keys = ["model", "pack", "batch", "length"]
    for (model, pack, batch, length), group in steps.groupby(keys, sort=False):
        times = group.dropna(subset="seconds").groupby("implementation")["seconds"].min()
        ours, floor = times["fwp"], group["floor_seconds"].iloc[0]
        row = {
            "model": labels.model(str(model)),
            "seeds": pack,
            "batch": batch,
            "length": length,
            "ms": f"{1e3 * ours:.3g}",
            "floor": f"{1e3 * floor:.3g}",
            "× floor": f"{ours / floor:.1f}",
        }
        for peer in there:
            row[PEERS[peer]] = f"{1e3 * times[peer]:.3g}" if peer in times else ""
            row[f"× {PEERS[peer]}"] = f"{times[peer] / ours:.2g}" if peer in times else ""
        rows.append(row)
    return _table(rows)


def _left_out(steps: pd.DataFrame) -> str:
    """Which peers gave no time, and why."""
    missing = steps[steps["seconds"].isna()].groupby(["implementation", "note"], sort=False)
    said = [
        f"{PEERS[str(peer)]} ({note}): {', '.join(map(labels.model, group['model'].unique()))}"
        for (peer, note), group in missing
    ]
    return f"Left out: {'; '.join(said)}.\n" if said else ""


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
    floor = ops.drop_duplicates(["op", "time"]).assign(backend="floor")
    ops = pd.concat([ops, floor.assign(seconds=floor["floor_seconds"])])
    ops["ms"] = 1e3 * ops["seconds"]
    names = list(dict.fromkeys(ops["op"]))
    style = {name: look for name, look in LINES.items() if name in set(ops["backend"])}
    looks = semantics(style, "backend")
    limits = ops["ms"].min() / 1.3, 1.3 * ops["ms"].max()
    x, y, count, key = "Length", "Forward + backward (ms)", len(names), handles(style, str)
    with page(count, count, (1.3, 1.3), x=x, y=y, shared="y", legend=key) as (drawn, axes):
        for axis, name in zip(axes, names, strict=True):
            of_op = ops[ops["op"] == name]
            sns.lineplot(of_op, x="time", y="ms", estimator=None, ax=axis, **looks)
            times = sorted(of_op["time"].unique())
            axis.set(xscale="log", yscale="log", ylim=limits)
            axis.set_xticks(times, map(str, times))
            axis.minorticks_off()
            axis.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g}"))
            axis.set_title(name.replace("_", " "))
    return drawn
