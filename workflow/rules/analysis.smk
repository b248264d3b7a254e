# Not part of `all`: what models do inside. `snakemake states` follows their states along the longest
# test strings, `snakemake automata` reads automata out of cells that are solved. `analysis` in the
# config says of which models and tasks.
FINITE = EXPERIMENT.finite_tasks()


rule trace:
    input:
        dataset="<results>/data/{task}/test.npz",
        weights="<cell>/model.safetensors",
        record="<cell>/cell.json",
    output:
        states="<cell>/states.csv",
        positions="<cell>/positions.csv",
        sums="<cell>/trace.sha256",
    log:
        "<cell>/trace.log",
    benchmark:
        "<cell>/trace.benchmark.tsv"
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=lambda _, attempt: attempt * 2000,
        runtime=lambda _, attempt: within_limit(attempt * 120),
        device=EXPERIMENT.device,
    params:
        cell=lambda wildcards: EXPERIMENT.evaluate_params(wildcards.model, wildcards.task, "trace"),
        spec=lambda wildcards: EXPERIMENT.test_data_params(wildcards.task)["dataset"],
        strings=EXPERIMENT.analysis.strings,
    script:
        "../scripts/trace.py"


rule states:
    input:
        results=rules.collect.output.runs,
        names=rules.collect.output.names,
        cells=lambda _: [f"{job.directory}/states.csv" for job in EXPERIMENT.analysed()],
        cards=CARDS,
    output:
        csv="<results>/analysis/states.csv",
        markdown="<results>/analysis/states.md",
        memory=expand("<results>/analysis/memory.{format}", format=FORMATS),
        figures=expand(
            "<results>/analysis/states/{task}/{model}.{format}",
            task=EXPERIMENT.analysis.tasks,
            model=EXPERIMENT.analysis.models,
            format=FORMATS,
        ),
    log:
        "<results>/analysis/states.log",
    benchmark:
        "<results>/analysis/states.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("states"),
    script:
        "../scripts/states.py"


rule automaton:
    input:
        dataset="<results>/data/{task}/test.npz",
        weights="<cell>/model.safetensors",
        record="<cell>/cell.json",
    output:
        machines="<cell>/automaton.json",
        sums="<cell>/automaton.sha256",
    log:
        "<cell>/automaton.log",
    benchmark:
        "<cell>/automaton.benchmark.tsv"
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=lambda _, attempt: attempt * 2000,
        runtime=lambda _, attempt: within_limit(attempt * 60),
        device=EXPERIMENT.device,
    params:
        cell=lambda wildcards: EXPERIMENT.evaluate_params(
            wildcards.model, wildcards.task, "automaton"
        ),
        spec=lambda wildcards: EXPERIMENT.test_data_params(wildcards.task)["dataset"],
    script:
        "../scripts/automaton.py"


rule automata:
    input:
        lambda _: [f"{job.directory}/automaton.json" for job in EXPERIMENT.analysed(FINITE)],
    output:
        csv="<results>/analysis/automata.csv",
        markdown="<results>/analysis/automata.md",
        figures=expand(
            "<results>/analysis/automata/{task}/{model}.{format}",
            task=FINITE,
            model=EXPERIMENT.analysis.models,
            format=FORMATS,
        ),
    log:
        "<results>/analysis/automata.log",
    benchmark:
        "<results>/analysis/automata.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("automata"),
        names=lambda _: [asdict(name) for name in EXPERIMENT.names()],
    script:
        "../scripts/automata.py"
