"""Measure the speed of ops and of training steps, on one thread, as a training job has it."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        import pandas as pd
        import torch

        from fwp.benchmarks import ops, report, steps
        from fwp.experiment.cell import Cell
        from fwp.report.figures.style import save
        from fwp.utils import devices
        from fwp.utils.files import write_frame, write_text

    def told(rows):
        """The rows, each said in the log: all of them take minutes."""
        for row in rows:
            print(
                *(f"{value:.3g}" if isinstance(value, float) else value for value in row.values())
            )
            yield row

    torch.set_num_threads(1)
    device = devices.pick(snakemake.resources.device)
    packs = [1] if device == "cpu" else [1, 8, 32]
    lengths = {"sizes": [8, 16, 32], "times": [16, 64, 256, 1024]}
    cells = map(Cell.from_dict, snakemake.params.cells)
    tables = {
        "steps": pd.DataFrame(told(steps.measure(cells, packs=packs, device=device))),
        "ops": pd.DataFrame(told(ops.measure(**lengths, budget=0.1, device=device))),
    }
    for name, table in tables.items():
        write_frame(snakemake.output[name], table)
    write_text(
        snakemake.output.markdown,
        report.markdown(tables["ops"], tables["steps"], devices.describe(device)),
    )
    save(report.figure(tables["ops"]), Path(snakemake.output.ops).with_suffix(""))
