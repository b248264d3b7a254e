"""Compare the claims with the results; the verdicts are printed, too."""

from pathlib import Path

from fwp.status.progress import logging_to

with logging_to(snakemake.log[0]):
    from fwp.claims.claim import read_claims
    from fwp.claims.judge import judge
    from fwp.report.labels import shown_as
    from fwp.report.tables.claims import verdicts, write_claims
    from fwp.results.collect import read_results
    from fwp.results.names import read_names

    folder = Path(snakemake.input.results[0]).parent
    found = read_results(folder)
    judgements = judge(read_claims(snakemake.input.claims), found.accuracy)
    out = snakemake.output
    with shown_as(read_names(folder / "names.csv")):
        write_claims(judgements, found.runs, csv=out.csv, markdown=out.markdown, html=out.html)
        text = verdicts(judgements)
print(text)
