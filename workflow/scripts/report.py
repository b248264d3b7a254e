"""Write the report."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import report

    report.write(
        Path(snakemake.output[0]).parent,
        snakemake.output[0],
        cards=snakemake.input.cards,
        claims=snakemake.input.claims,
        details=snakemake.params.details,
    )
