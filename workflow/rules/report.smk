rule collect:
    """Gather the results on strings in tidy tables."""
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
    """Compute means, intervals, tests of pairs of models, and costs of training."""
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
    """Write tables of accuracies and of datasets."""
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


rule atlas:
    """Say of every model and language what is expressible, learnt, and generalises."""
    input:
        results=rules.collect.output,
        cards=CARDS,
        constructions=CONSTRUCTIONS,
    output:
        csv="<results>/tables/atlas.csv",
        markdown="<results>/tables/atlas.md",
        figure=report(
            "<results>/figures/atlas.svg",
            caption="../report/atlas.rst",
            category="Results",
            labels={"What": "Figure", "Shows": "expressible, learnt, generalises"},
        ),
        others=expand("<results>/figures/atlas.{format}", format=FORMATS[1:]),
        sums=["<results>/tables/atlas.sha256", "<results>/figures/atlas.sha256"],
    log:
        "<results>/tables/atlas.log",
    benchmark:
        "<results>/tables/atlas.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("atlas"),
        questions=lambda _: EXPERIMENT.questions(),
    script:
        "../scripts/atlas.py"


# The tidy tables of what there is, and how models and tasks are shown.
RESULTS = [
    *(rules.collect.output if STRINGS else []),
    *(rules.collect_text.output if WRITTEN else []),
]
NAMES = (rules.collect if STRINGS else rules.collect_text).output.names


# Also a target of its own, `snakemake claims`: it prints the verdicts.
rule claims:
    """Compare the results with claims of papers."""
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
    """Draw figures of accuracies and of training."""
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
            labels={"What": "Figure", "Shows": "share of solved runs against epochs"},
        ),
        costs=[
            report(
                f"<results>/figures/solved-{cost}.svg",
                caption="../report/solved.rst",
                category="Training",
                labels={"What": "Figure", "Shows": f"share of solved runs against {cost}"},
            )
            for cost in ("strings", "seconds")
        ],
        others=expand(
            "<results>/figures/{figure}.{format}",
            figure=["heatmap", "length", "learning", "strip"]
            + [f"solved-{cost}" for cost in ("epochs", "strings", "seconds")],
            format=FORMATS[1:],
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
    """Write the report: one page with everything in it."""
    input:
        results=RESULTS,
        # What the page shows or refers to.
        strings=(
            [
                rules.summarise.output,
                rules.tables.output,
                rules.figures.output,
                rules.atlas.output,
            ]
            if STRINGS
            else []
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
        # By its argument `input`, it is none of the params that make a job run again.
        made=lambda _, input: how_it_was_made(),
    script:
        "../scripts/report.py"
