"""Compare the claims with the results; the verdicts are printed, too."""

from pathlib import Path

from fwp.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp import claims, results, tables
    from fwp.claims.judge import judge

    found = results.read(Path(snakemake.input.results[0]).parent)
    judgements = judge(claims.read(snakemake.input.claims), found.accuracy)
    out = snakemake.output
    tables.write_claims(judgements, found.runs, csv=out.csv, markdown=out.markdown, html=out.html)
print(tables.verdicts(judgements))
