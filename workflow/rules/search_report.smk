# What a search tried and chose, in tables and figures; only if the config has a search.
rule search_tables:
    """Write tables of what searches tried and chose."""
    input:
        results=RESULTS,
        names=NAMES,
        trials=TRIALS,
        templates=TEMPLATES,
    output:
        trials="<results>/tables/trials.csv",
        csv="<results>/tables/search.csv",
        markdown="<results>/tables/search.md",
        latex="<results>/tables/search.tex",
        html=report(
            "<results>/tables/search.html",
            caption="../report/search.rst",
            category="Search",
            labels={"What": "Table", "Shows": "settings tried and chosen"},
        ),
        sums="<results>/tables/search_tables.sha256",
    log:
        "<results>/tables/search_tables.log",
    benchmark:
        "<results>/tables/search_tables.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("search_tables"),
        what=WHAT,
        search=EXPERIMENT.config["search"],
    script:
        "../scripts/search_tables.py"


rule search_figures:
    """Draw figures of what searches tried."""
    input:
        results=RESULTS,
        names=NAMES,
        trials="<results>/tables/trials.csv",
    output:
        settings=report(
            "<results>/figures/search-settings.svg",
            caption="../report/search_settings.rst",
            category="Search",
            labels={"What": "Figure", "Shows": "accuracy against each setting"},
        ),
        best=report(
            "<results>/figures/search-best.svg",
            caption="../report/search_best.rst",
            category="Search",
            labels={"What": "Figure", "Shows": "expected best of k trials"},
        ),
        others=expand(
            "<results>/figures/search-{figure}.{format}",
            figure=["settings", "best"],
            format=FORMATS[1:],
        ),
        sums="<results>/figures/search_figures.sha256",
    log:
        "<results>/figures/search_figures.log",
    benchmark:
        "<results>/figures/search_figures.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("search_figures"),
        what=WHAT,
    script:
        "../scripts/search_figures.py"
