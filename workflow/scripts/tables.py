"""Write the summary and the table of datasets, to read."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.report.labels import shown_as
        from fwp.report.tables.datasets import write_datasets
        from fwp.report.tables.summary import write_summary
        from fwp.results.collect import read_runs
        from fwp.results.names import read_names
        from fwp.results.summary import read_summary
        from fwp.results.unfinished import read_unfinished

    folder = Path(snakemake.input.results[0]).parent
    out = snakemake.output
    with shown_as(read_names(folder / "names.csv")):
        write_summary(
            read_summary(folder),
            read_runs(folder / "runs.csv"),
            missing=read_unfinished(folder / "missing.csv"),
            markdown=out.markdown,
            latex=out.latex,
            html=out.html,
        )
        write_datasets(
            snakemake.input.cards,
            csv=out.datasets_csv,
            markdown=out.datasets_markdown,
            html=out.datasets_html,
        )
