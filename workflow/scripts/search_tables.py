"""Gather the trials of all searches, and write what was tried and chosen, to read."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.labels import shown_as
        from fwp.report.tables.search import write_search
        from fwp.results.collect import read_accuracy
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.trials import collect_trials, write_trials

    tables, out = Path(snakemake.input.results[0]).parent, snakemake.output
    trials = collect_trials(snakemake.input.trials)
    write_trials(trials, out.trials)
    strings = snakemake.params.what["strings"]
    with shown_as(read_names(snakemake.input.names)):
        write_search(
            trials,
            read_accuracy(tables / "accuracy.csv") if strings else None,
            snakemake.params.search,
            csv=out.csv,
            markdown=out.markdown,
            latex=out.latex,
            html=out.html,
        )
    write_sums(out.sums, out)
