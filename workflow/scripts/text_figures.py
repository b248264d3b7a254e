"""Draw the figures of texts and translations."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.figures.texts import write_text_figures
        from fwp.report.labels import shown_as
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.text import read_text_results
        from fwp.results.text_facts import read_text_facts
        from fwp.results.unfinished import read_unfinished

    tables = Path(snakemake.input.results[0]).parent
    with shown_as(read_names(tables / "text_names.csv")):
        write_text_figures(
            read_text_results(tables),
            read_text_facts(snakemake.input.cards),
            Path(snakemake.output.sums).parent,
            missing=read_unfinished(tables / "text_missing.csv"),
        )
    write_sums(snakemake.output.sums, snakemake.output)
