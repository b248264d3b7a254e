# Not part of `all`: `snakemake benchmark` measures the speed of ops and of training steps.
rule benchmark:
    output:
        ops="<results>/benchmark/ops.csv",
        steps="<results>/benchmark/steps.csv",
        markdown="<results>/benchmark/summary.md",
        figures=expand("<results>/benchmark/ops.{format}", format=["svg", "pdf", "png"]),
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
        cells=[EXPERIMENT.cell(m, EXPERIMENT.tasks[0]).as_dict() for m in EXPERIMENT.models],
    script:
        "../scripts/benchmark.py"
