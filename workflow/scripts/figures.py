"""Draw all figures."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import figures, results

    found = results.read(Path(snakemake.input.results[0]).parent)
    folder = Path(snakemake.output.heatmap).parent
    figures.write(found, folder, cards=snakemake.input.cards)
