"""Draw all figures."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.figures.write import write_figures
        from fwp.report.labels import shown_as
        from fwp.results.collect import read_results
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.summary import read_summary
        from fwp.results.unfinished import read_unfinished

    tables = Path(snakemake.input.results[0]).parent
    with shown_as(read_names(tables / "names.csv")):
        write_figures(
            read_results(tables),
            Path(snakemake.output.heatmap).parent,
            cards=snakemake.input.cards,
            missing=read_unfinished(tables / "missing.csv"),
            summary=read_summary(tables),
        )
    write_sums(snakemake.output.sums, snakemake.output)
