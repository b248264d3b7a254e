# What models do inside; part of `all` if the config has them among its `targets`. `snakemake states`
# follows states along the longest test strings, `snakemake automata` reads automata out of cells
# that are solved, `snakemake error_control` asks why models fail. `analysis` in the config says of
# which models and tasks.
FINITE = EXPERIMENT.finite_tasks()
INSIDE = [(t, m) for t in EXPERIMENT.analysis.tasks for m in EXPERIMENT.analysis.models]
READ = [(t, m) for t in FINITE for m in EXPERIMENT.analysis.models]


rule trace:
    """Follow the states of a model along the longest test strings."""
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
    """Draw and tabulate what the states of models do."""
    input:
        results=rules.collect.output.runs,
        accuracy=rules.collect.output.accuracy,
        names=rules.collect.output.names,
        cells=lambda _: [f"{job.directory}/states.csv" for job in EXPERIMENT.analysed()],
        cards=CARDS,
    output:
        csv=report(
            "<results>/analysis/states.csv",
            caption="../report/states_table.rst",
            category="States",
            labels={"What": "Table", "Shows": "what states do on long strings"},
        ),
        markdown="<results>/analysis/states.md",
        memory=report(
            "<results>/analysis/memory.svg",
            caption="../report/memory.rst",
            category="States",
            labels={"What": "Figure", "Shows": "memory against length"},
        ),
        accuracy=report(
            "<results>/analysis/accuracy-by-state.svg",
            caption="../report/accuracy_by_state.rst",
            category="States",
            labels={"What": "Figure", "Shows": "accuracy against the size of the state"},
        ),
        figures=[
            report(
                f"<results>/analysis/states/{task}/{model}.svg",
                caption="../report/states.rst",
                category="States",
                labels={"What": "Figure", "Shows": f"{model} on {task}"},
            )
            for task, model in INSIDE
        ],
        others=expand(
            "<results>/analysis/{figure}.{format}",
            figure=["memory", "accuracy-by-state"],
            format=FORMATS[1:],
        )
        + [
            f"<results>/analysis/states/{task}/{model}.{format}"
            for task, model in INSIDE
            for format in FORMATS[1:]
        ],
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
    """Read automata out of the seeds that solved a task."""
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
        solved_seeds=EXPERIMENT.analysis.solved_seeds,
    script:
        "../scripts/automaton.py"


rule automata:
    """Draw the automata, and compare them with those of the languages."""
    input:
        lambda _: [f"{job.directory}/automaton.json" for job in EXPERIMENT.analysed(FINITE)],
    output:
        csv=report(
            "<results>/analysis/automata.csv",
            caption="../report/automata_table.rst",
            category="Automata",
            labels={"What": "Table", "Shows": "automata read out of models"},
        ),
        markdown="<results>/analysis/automata.md",
        figures=[
            report(
                f"<results>/analysis/automata/{task}/{model}.svg",
                caption="../report/automata.rst",
                category="Automata",
                labels={"What": "Figure", "Shows": f"{model} on {task}"},
            )
            for task, model in READ
        ],
        others=[
            f"<results>/analysis/automata/{task}/{model}.{format}"
            for task, model in READ
            for format in FORMATS[1:]
        ],
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


rule control:
    """Measure how every seed keeps the states of an automaton apart along the longest strings."""
    input:
        dataset="<results>/data/{task}/test.npz",
        weights="<cell>/model.safetensors",
        record="<cell>/cell.json",
    output:
        control="<cell>/control.json",
        sums="<cell>/control.sha256",
    log:
        "<cell>/control.log",
    benchmark:
        "<cell>/control.benchmark.tsv"
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
            wildcards.model, wildcards.task, "control"
        ),
        spec=lambda wildcards: EXPERIMENT.test_data_params(wildcards.task)["dataset"],
        strings=EXPERIMENT.analysis.strings,
    script:
        "../scripts/control.py"


rule error_control:
    """Why models fail: how states come apart, which automata there are, how far a matrix moves."""
    input:
        control=lambda _: [f"{job.directory}/control.json" for job in EXPERIMENT.analysed(FINITE)],
        automata=lambda _: [
            f"{job.directory}/automaton.json" for job in EXPERIMENT.analysed(FINITE)
        ],
    output:
        csv=report(
            "<results>/analysis/error_control.csv",
            caption="../report/error_control_table.rst",
            category="Error control",
            labels={"What": "Table", "Shows": "predicted and measured failures"},
        ),
        shares=report(
            "<results>/analysis/minimal_automata.csv",
            caption="../report/minimal_automata.rst",
            category="Error control",
            labels={"What": "Table", "Shows": "share of minimal automata"},
        ),
        moved="<results>/analysis/weights_moved.csv",
        clusters="<results>/analysis/weights_clusters.csv",
        markdown="<results>/analysis/error_control.md",
        figure=report(
            "<results>/analysis/error_control.svg",
            caption="../report/error_control.rst",
            category="Error control",
            labels={"What": "Figure", "Shows": "how states come apart"},
        ),
        others=expand("<results>/analysis/error_control.{format}", format=FORMATS[1:]),
    log:
        "<results>/analysis/error_control.log",
    benchmark:
        "<results>/analysis/error_control.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        code=EXPERIMENT.code("error_control"),
        names=lambda _: [asdict(name) for name in EXPERIMENT.names()],
    script:
        "../scripts/error_control.py"
