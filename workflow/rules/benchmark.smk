# Not part of `all`: speed, on this machine. `fwp benchmark` measures the same without Snakemake.
MEASURED = EXPERIMENT.config["benchmark"]


rule benchmark:
    """Measure the speed of training steps and of ops on this machine."""
    output:
        steps="<results>/benchmark/steps.csv",
        markdown="<results>/benchmark/summary.md",
        ops="<results>/benchmark/ops.csv" if MEASURED["ops"] else [],
        figures=expand("<results>/benchmark/ops.{format}", format=FORMATS * MEASURED["ops"]),
    log:
        "<results>/benchmark/benchmark.log",
    conda:
        "../../envs/fwp.yaml"
    threads: workflow.cores  # for itself: a busy neighbour would be measured too
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=lambda _, attempt: attempt * 4000,
        runtime=lambda _, attempt: within_limit(attempt * 60),
        device=EXPERIMENT.device,
    params:
        cells=lambda _: [cell.as_dict() for cell in EXPERIMENT.benchmarked()],
        settings={key: value for key, value in MEASURED.items() if key != "growth"},
    script:
        "../scripts/benchmark.py"


rule growth:
    """Measure how time and memory grow with seeds, width, length, layers and cells."""
    output:
        table="<results>/growth/growth.csv",
        markdown="<results>/growth/growth.md",
        figures=expand(
            "<results>/growth/{axis}.{format}",
            axis=[axis for axis, sizes in MEASURED["growth"].items() if sizes != []],
            format=FORMATS,
        ),
    log:
        "<results>/growth/growth.log",
    conda:
        "../../envs/fwp.yaml"
    threads: workflow.cores
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=lambda _, attempt: attempt * 16000,
        runtime=lambda _, attempt: within_limit(attempt * 120),
        device=EXPERIMENT.device,
    params:
        cells=lambda _: [cell.as_dict() for cell in EXPERIMENT.benchmarked()],
        settings=MEASURED["growth"],
        snakefile=os.path.join(ROOT or "", "Snakefile"),
    script:
        "../scripts/growth.py"
