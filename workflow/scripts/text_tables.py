"""Write what came out on texts and translations, to read."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.labels import shown_as
        from fwp.report.tables.text import write_text_tables
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.samples import read_samples
        from fwp.results.text import read_text_results
        from fwp.results.text_facts import read_text_facts

    tables, out = Path(snakemake.output.csv).parent, snakemake.output
    with shown_as(read_names(tables / "text_names.csv")):
        write_text_tables(
            read_text_results(tables),
            read_text_facts(snakemake.input.cards),
            read_samples(tables / "translation.json"),
            csv=out.csv,
            translation_csv=out.translation,
            markdown=out.markdown,
            latex=out.latex,
            html=out.html,
        )
    write_sums(out.sums, out)
