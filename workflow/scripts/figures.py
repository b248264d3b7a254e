"""Draw all figures."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import figures, missing, results

    tables = Path(snakemake.input.results[0]).parent
    figures.write(
        results.read(tables),
        Path(snakemake.output.heatmap).parent,
        cards=snakemake.input.cards,
        missing=missing.read(tables / "missing.csv"),
    )
