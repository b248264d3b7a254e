"""Write the report."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report import page

    page.write(
        Path(snakemake.output[0]).parent,
        snakemake.output[0],
        cards=snakemake.input.cards,
        made=snakemake.params.made,
        search=snakemake.params.search,
        text_cards=snakemake.input.text_cards,
    )
