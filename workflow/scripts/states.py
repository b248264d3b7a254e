"""Tables and figures of states along long strings."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        import pandas as pd

        from fwp.datasets import card_reader
        from fwp.report import labels
        from fwp.report.figures import recall
        from fwp.report.figures import states as figures
        from fwp.report.figures.style import save
        from fwp.report.tables import states as tables
        from fwp.results import collect
        from fwp.results.integrity import check_sum
        from fwp.results.names import read_names

    runs = collect.read_runs(snakemake.input.results)
    mixers = dict(zip(runs["model"], runs["mixer"], strict=True))
    training = card_reader.training_lengths(snakemake.input.cards)
    files = [Path(file) for file in snakemake.input.cells]
    states = pd.concat(map(pd.read_csv, files), ignore_index=True)
    positions = pd.concat(
        [pd.read_csv(file.with_name("positions.csv")) for file in files], ignore_index=True
    )
    for file in files:
        check_sum(file)
        check_sum(file.with_name("positions.csv"))
    # A folder may hold more seeds than the experiment wants.
    chosen = set(zip(runs["task"], runs["model"], runs["seed"], strict=True))
    states, positions = (
        frame[[key in chosen for key in zip(frame.task, frame.model, frame.seed, strict=True)]]
        for frame in (states, positions)
    )
    out = snakemake.output
    with labels.shown_as(read_names(snakemake.input.names)):
        tables.write_states(
            tables.summary(states, positions, mixers, training), csv=out.csv, markdown=out.markdown
        )
        folder = Path(out.csv).parent
        save(figures.memory(states), folder / "memory")
        accuracy = collect.read_accuracy(snakemake.input.accuracy)
        figure = recall.accuracy_by_state(accuracy, recall.sizes(states), unit="Bytes")
        save(figure, folder / "accuracy-by-state")
        for (task, model), own in states.groupby(["task", "model"], sort=False):
            along = positions[(positions["task"] == task) & (positions["model"] == model)]
            figure = figures.trace(own, along, mixers[model], training[task])
            save(figure, folder / "states" / task / model)
