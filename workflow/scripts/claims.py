"""Compare the claims with the results; the verdicts are printed, too."""

from pathlib import Path

from fwp.status.progress import logging_to
from fwp.utils import signals

with logging_to(snakemake.log[0]):
    with signals.deferred():
        from fwp.claims.claim import read_claims
        from fwp.claims.judge import judge
        from fwp.claims.verdicts import write_judgements
        from fwp.report.labels import shown_as
        from fwp.report.tables.claims import write_claims
        from fwp.report.tables.evidence import verdicts
        from fwp.results.collect import read_accuracy
        from fwp.results.every_run import read_every_run
        from fwp.results.frames import ACCURACY, empty
        from fwp.results.integrity import write_sums
        from fwp.results.names import read_names
        from fwp.results.text import read_text_results
        from fwp.results.trials import read_trials

    folder = Path(snakemake.input.results[0]).parent
    claims = read_claims(snakemake.input.claims)
    searched = snakemake.input.get("trials")
    trials = read_trials(searched) if searched else None
    what = snakemake.params.what
    accuracy = read_accuracy(folder / "accuracy.csv") if what["strings"] else empty(ACCURACY)
    texts = read_text_results(folder) if what["texts"] else None
    groups = {name.name: name.group for name in read_names(snakemake.input.names) if name.group}
    judgements = judge(claims, accuracy, trials, texts, groups)
    out = snakemake.output
    with shown_as(read_names(snakemake.input.names)):
        runs = read_every_run(folder, **what)
        write_claims(judgements, runs, csv=out.csv, markdown=out.markdown, html=out.html)
        text = verdicts(judgements)
    write_judgements(judgements, out.json)
    write_sums(out.sums, out)
print(text)
