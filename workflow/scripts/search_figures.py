"""Draw the figures of the search."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.figures.search import write_search_figures
        from fwp.report.labels import shown_as
        from fwp.results.collect import read_runs
        from fwp.results.frames import present
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.trials import read_trials
        from fwp.results.unfinished import extended, read_unfinished

    tables = Path(snakemake.input.results[0]).parent
    missing = read_unfinished(tables / "missing.csv")
    models = extended(present(read_runs(tables / "runs.csv")["model"]), missing, "model")
    with shown_as(read_names(tables / "names.csv")):
        write_search_figures(
            read_trials(snakemake.input.trials), Path(snakemake.output.settings).parent, models
        )
    write_sums(snakemake.output.sums, snakemake.output)
