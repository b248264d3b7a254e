from dataclasses import asdict

import fwp

CARDS = [f"<results>/data/{task}/card.json" for task in EXPERIMENT.tasks]
TEMPLATES = [
    os.path.relpath(path)
    for path in sorted(Path(fwp.__file__).with_name("report").joinpath("templates").iterdir())
]
# What the report is of, and the runs that have no results.
COLLECTED, MISSING = list(EXPERIMENT.jobs()), []
if EXPERIMENT.partial:
    COLLECTED, MISSING = unfinished.split_finished(EXPERIMENT)
    CARDS = [
        card for card in CARDS if os.path.exists(card.replace("<results>", EXPERIMENT.results))
    ]
# What searches leave, and what is made of it; nothing without a search.
TRIALS = [
    f"{EXPERIMENT.search_dir(task, model)}/trials.csv" for task, model in EXPERIMENT.searches()
]
if EXPERIMENT.partial:
    TRIALS = [path for path in TRIALS if os.path.exists(path)]
SEARCH_TABLE = "<results>/tables/trials.csv" if TRIALS else []
SEARCH_FIGURES = [f"<results>/figures/search-{name}.svg" for name in ("settings", "best") if TRIALS]


rule collect:
    input:
        # The records of a cell are older than its accuracies and lie beside them: naming them
        # too would only double the time for planning large grids.
        [f"{job.directory}/accuracy.csv" for job in COLLECTED],
    output:
        accuracy="<results>/tables/accuracy.csv",
        history="<results>/tables/history.csv",
        runs="<results>/tables/runs.csv",
        missing="<results>/tables/missing.csv",
        names="<results>/tables/names.csv",
        sums="<results>/tables/collect.sha256",
    log:
        "<results>/tables/collect.log",
    benchmark:
        "<results>/tables/collect.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("collect"),
        # In order, so that tables and figures follow the config.
        cells=lambda _: EXPERIMENT.wanted(COLLECTED),
        missing=lambda _: MISSING,
        # How they are shown: another title draws figures again and trains nothing.
        names=lambda _: [asdict(name) for name in EXPERIMENT.names()],
    script:
        "../scripts/collect.py"


# Bootstrap, tests and medians: computed once, for all that is drawn.
rule summarise:
    input:
        results=rules.collect.output,
    output:
        summary="<results>/tables/summary.csv",
        comparison="<results>/tables/comparison.csv",
        compute="<results>/tables/compute.csv",
        sums="<results>/tables/summarise.sha256",
    log:
        "<results>/tables/summarise.log",
    benchmark:
        "<results>/tables/summarise.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("summarise"),
    script:
        "../scripts/summarise.py"


rule tables:
    input:
        results=rules.collect.output,
        summary=rules.summarise.output,
        cards=CARDS,
        templates=TEMPLATES,
    output:
        markdown="<results>/tables/summary.md",
        latex="<results>/tables/summary.tex",
        html=report(
            "<results>/tables/summary.html",
            caption="../report/summary.rst",
            category="Results",
            labels={"What": "Table", "Shows": "accuracy per model, task and length"},
        ),
        datasets_csv="<results>/tables/datasets.csv",
        datasets_markdown="<results>/tables/datasets.md",
        datasets_html=report(
            "<results>/tables/datasets.html",
            caption="../report/datasets.rst",
            category="Data",
            labels={"What": "Table", "Shows": "strings of every set"},
        ),
    log:
        "<results>/tables/tables.log",
    benchmark:
        "<results>/tables/tables.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("tables"),
    script:
        "../scripts/tables.py"


# Also a target of its own, `snakemake claims`: it prints the verdicts.
rule claims:
    input:
        results=rules.collect.output,
        claims=EXPERIMENT.claims,
        trials=SEARCH_TABLE,
        templates=TEMPLATES,
    output:
        csv="<results>/tables/claims.csv",
        json="<results>/tables/claims.json",
        sums="<results>/tables/claims.sha256",
        markdown="<results>/tables/claims.md",
        html=report(
            "<results>/tables/claims.html",
            caption="../report/claims.rst",
            category="Results",
            labels={"What": "Table", "Shows": "what the results say about claims"},
        ),
    log:
        "<results>/tables/claims.log",
    benchmark:
        "<results>/tables/claims.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("claims"),
    script:
        "../scripts/claims.py"


rule figures:
    input:
        results=rules.collect.output,
        summary=rules.summarise.output,
        cards=CARDS,
    output:
        heatmap=report(
            "<results>/figures/heatmap.svg",
            caption="../report/heatmap.rst",
            category="Results",
            labels={"What": "Figure", "Shows": "accuracy per model and task"},
        ),
        length=report(
            "<results>/figures/length.svg",
            caption="../report/length.rst",
            category="Results",
            labels={"What": "Figure", "Shows": "accuracy against length"},
        ),
        learning=report(
            "<results>/figures/learning.svg",
            caption="../report/learning.rst",
            category="Training",
            labels={"What": "Figure", "Shows": "learning curves"},
        ),
        strip=report(
            "<results>/figures/strip.svg",
            caption="../report/strip.rst",
            category="Results",
            labels={"What": "Figure", "Shows": "accuracy of every seed"},
        ),
        solved=report(
            "<results>/figures/solved-epochs.svg",
            caption="../report/solved.rst",
            category="Training",
            labels={"What": "Figure", "Shows": "share of runs that have solved the task"},
        ),
        others=expand(
            "<results>/figures/{figure}.{format}",
            figure=["heatmap", "length", "learning", "strip", "solved-epochs"],
            format=FORMATS[1:],
        ),
        costs=expand(
            "<results>/figures/solved-{cost}.{format}",
            cost=["strings", "seconds"],
            format=FORMATS,
        ),
        sums="<results>/figures/figures.sha256",
    log:
        "<results>/figures/figures.log",
    benchmark:
        "<results>/figures/figures.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("figures"),
    script:
        "../scripts/figures.py"


rule report:
    input:
        results=rules.collect.output,
        summary=rules.summarise.output,
        verdicts=rules.claims.output,
        figures=rules.figures.output,
        tables=rules.tables.output,  # which the page refers to
        trials=SEARCH_TABLE,
        search=SEARCH_FIGURES,
        cards=CARDS,
        templates=TEMPLATES,
    output:
        "<results>/report.html",
    log:
        "<results>/report.log",
    benchmark:
        "<results>/report.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("report"),
        search=EXPERIMENT.config["search"] if TRIALS else None,
        details=None if EXPERIMENT.partial else "workflow.html",
    script:
        "../scripts/report.py"


# Snakemake's own report: which command made each file, with which settings, and how long it took.
rule workflow_report:
    input:
        rules.tables.output,
        rules.claims.output,
        rules.figures.output,
        SEARCH_TABLE,
        SEARCH_FIGURES,
    output:
        "<results>/workflow.html",
    log:
        "<results>/workflow.log",
    benchmark:
        "<results>/workflow.benchmark.tsv"
    localrule: True
    threads: 1
    params:
        snakemake=shlex.join([os.path.relpath(sys.executable), "-m", "snakemake"]),
        arguments=shlex.join(ARGUMENTS),
        rules="tables claims figures" + (" search_tables search_figures" if TRIALS else ""),
    shell:
        "{params.snakemake} {params.rules} --report {output:q} {params.arguments} > {log:q} 2>&1"
