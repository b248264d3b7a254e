rule collect:
    input:
        # The records of a cell are older than its accuracies and lie beside them: naming them
        # too would only double the time for planning large grids.
        [f"{job.directory}/accuracy.csv" for job in STRINGS],
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
        cells=lambda _: EXPERIMENT.wanted(STRINGS),
        missing=lambda _: MISSING_STRINGS,
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


# The tidy tables of what there is, and how models and tasks are shown.
RESULTS = [
    *(rules.collect.output if STRINGS else []),
    *(rules.collect_text.output if WRITTEN else []),
]
NAMES = (rules.collect if STRINGS else rules.collect_text).output.names


# Also a target of its own, `snakemake claims`: it prints the verdicts.
rule claims:
    input:
        results=RESULTS,
        names=NAMES,
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
        what=WHAT,
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
        results=RESULTS,
        # What the page shows or refers to.
        strings=(
            [rules.summarise.output, rules.tables.output, rules.figures.output] if STRINGS else []
        ),
        texts=[rules.text_tables.output, rules.text_figures.output] if WRITTEN else [],
        verdicts=rules.claims.output,
        trials=SEARCH_TABLE,
        search=SEARCH_FIGURES,
        cards=CARDS,
        text_cards=TEXT_CARDS,
        templates=TEMPLATES,
    output:
        page="<results>/report.html",
        findings="<results>/findings.md",
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


# The rules whose files Snakemake's own report has.
SHOWN = ["tables", "claims", "figures"] if STRINGS else ["claims"]
SHOWN += ["text_tables", "text_figures"] if WRITTEN else []
SHOWN += ["search_tables", "search_figures"] if TRIALS else []


# Snakemake's own report: which command made each file, with which settings, and how long it took.
rule workflow_report:
    input:
        [rules.tables.output, rules.figures.output] if STRINGS else [],
        [rules.text_tables.output, rules.text_figures.output] if WRITTEN else [],
        rules.claims.output,
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
        rules=" ".join(SHOWN),
    shell:
        "{params.snakemake} {params.rules} --report {output:q} {params.arguments} > {log:q} 2>&1"
