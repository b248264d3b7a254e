"""Write the report."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report import findings, page

    folder = Path(snakemake.output.page).parent
    kinds = {"strings": bool(snakemake.input.cards), "texts": bool(snakemake.input.text_cards)}
    findings.write(folder, snakemake.output.findings, **kinds)
    page.write(
        folder,
        snakemake.output.page,
        cards=snakemake.input.cards,
        made=snakemake.params.made,
        search=snakemake.params.search,
        text_cards=snakemake.input.text_cards,
    )
