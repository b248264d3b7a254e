"""Write the summary and the table of datasets."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import missing, results, tables

    folder = Path(snakemake.input.results[0]).parent
    found = results.read(folder)
    out = snakemake.output
    tables.write_summary(
        found.accuracy,
        found.runs,
        missing=missing.read(folder / "missing.csv"),
        csv=out.csv,
        markdown=out.markdown,
        latex=out.latex,
        html=out.html,
    )
    tables.write_comparison(found.accuracy, out.comparison)
    tables.write_compute(found.history, found.runs, out.compute)
    tables.write_datasets(
        snakemake.input.cards,
        csv=out.datasets_csv,
        markdown=out.datasets_markdown,
        html=out.datasets_html,
    )
