# Losses on texts and scores of translations; only if the config has such tasks.
rule collect_text:
    """Gather the results on texts and translations in tidy tables."""
    input:
        [f"{job.directory}/accuracy.csv" for job in WRITTEN],
    output:
        text="<results>/tables/text.csv",
        translation="<results>/tables/translation.csv",
        history="<results>/tables/text_history.csv",
        runs="<results>/tables/text_runs.csv",
        samples="<results>/tables/translation.json",
        missing="<results>/tables/text_missing.csv",
        names="<results>/tables/text_names.csv",
        sums="<results>/tables/collect_text.sha256",
    log:
        "<results>/tables/collect_text.log",
    benchmark:
        "<results>/tables/collect_text.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("collect_text"),
        texts=lambda _: EXPERIMENT.wanted(TEXTS),
        translations=lambda _: EXPERIMENT.wanted(TRANSLATIONS),
        missing=lambda _: MISSING_TEXTS,
        names=lambda _: [asdict(name) for name in EXPERIMENT.names()],
    script:
        "../scripts/collect_text.py"


rule text_tables:
    """Write tables of losses and of translations."""
    input:
        results=rules.collect_text.output,
        cards=TEXT_CARDS,
        templates=TEMPLATES,
    output:
        csv="<results>/tables/text_summary.csv",
        translation="<results>/tables/translation_summary.csv",
        markdown="<results>/tables/texts.md",
        latex="<results>/tables/texts.tex",
        html=report(
            "<results>/tables/texts.html",
            caption="../report/texts.rst",
            category="Texts",
            labels={"What": "Table", "Shows": "losses on texts, scores of translations"},
        ),
        sums="<results>/tables/text_tables.sha256",
    log:
        "<results>/tables/text_tables.log",
    benchmark:
        "<results>/tables/text_tables.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("text_tables"),
    script:
        "../scripts/text_tables.py"


# Figures by name, and what they show.
DRAWN = {}
if TEXTS:
    DRAWN["text-position"] = "loss against position"
    DRAWN["text-tokens"] = "validation loss against tokens"
    DRAWN["text-seconds"] = "validation loss against seconds"
    DRAWN["text-state"] = "loss against the size of the state"
if TRANSLATIONS:
    DRAWN["translation-length"] = "BLEU against the length of the source"
    DRAWN["translation-pairs"] = "validation loss against pairs"
    DRAWN["translation-seconds"] = "validation loss against seconds, of translations"


rule text_figures:
    """Draw figures of losses and of translations."""
    input:
        results=rules.collect_text.output,
        cards=TEXT_CARDS,
    output:
        [
            report(
                f"<results>/figures/{name}.svg",
                caption=f"../report/{name.replace('-', '_')}.rst",
                category="Texts",
                labels={"What": "Figure", "Shows": shows},
            )
            for name, shows in DRAWN.items()
        ],
        [f"<results>/figures/{name}.{format}" for name in DRAWN for format in FORMATS[1:]],
        sums="<results>/figures/text_figures.sha256",
    log:
        "<results>/figures/text_figures.log",
    benchmark:
        "<results>/figures/text_figures.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("text_figures"),
    script:
        "../scripts/text_figures.py"
