"""Compute what the tidy tables amount to."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.results.collect import read_results
        from fwp.results.integrity import write_sums
        from fwp.results.summary import summarise, write_summary

    results = read_results(Path(snakemake.input.results[0]).parent)
    write_summary(summarise(results), Path(snakemake.output.summary).parent)
    write_sums(snakemake.output.sums, snakemake.output)
