"""Draw the figures of the search."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.figures.search import write_search_figures
        from fwp.report.labels import shown_as
        from fwp.results.every_run import read_every_run
        from fwp.results.frames import present
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.trials import read_trials
        from fwp.results.unfinished import extended, read_every_unfinished

    tables = Path(snakemake.input.results[0]).parent
    what = snakemake.params.what
    runs, missing = read_every_run(tables, **what), read_every_unfinished(tables, **what)
    models = extended(present(runs["model"]), missing, "model")
    with shown_as(read_names(snakemake.input.names)):
        write_search_figures(
            read_trials(snakemake.input.trials), Path(snakemake.output.settings).parent, models
        )
    write_sums(snakemake.output.sums, snakemake.output)
