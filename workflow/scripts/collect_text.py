"""Gather the records of all cells of texts and translations into tidy tables."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.results.cells import Wanted
        from fwp.results.integrity import write_sums
        from fwp.results.names import write_names
        from fwp.results.samples import collect_samples, write_samples
        from fwp.results.text import collect_text, write_text_results
        from fwp.results.unfinished import write_unfinished

    texts, translations = (
        [Wanted(**own | {"folder": Path(own["folder"])}) for own in cells]
        for cells in (snakemake.params.texts, snakemake.params.translations)
    )
    out = snakemake.output
    write_text_results(collect_text(texts, translations), Path(out.text).parent)
    write_samples(collect_samples(translations), out.samples)
    write_unfinished(snakemake.params.missing, out.missing)
    write_names(snakemake.params.names, out.names)
    write_sums(out.sums, out)
