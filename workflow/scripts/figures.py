"""Draw all figures."""

from pathlib import Path

from fwp.status.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp.report.figures.write import write_figures
    from fwp.results.collect import read_results
    from fwp.results.unfinished import read_unfinished

    tables = Path(snakemake.input.results[0]).parent
    write_figures(
        read_results(tables),
        Path(snakemake.output.heatmap).parent,
        cards=snakemake.input.cards,
        missing=read_unfinished(tables / "missing.csv"),
    )
