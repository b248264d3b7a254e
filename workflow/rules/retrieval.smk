# `snakemake retrieval` trains the memories that the section `retrieval` of the config names, and sets
# their losses beside the published ones; part of `all` if the config has it among its `targets`.
from fwp.retrieval import grid as retrieval_grid

RETRIEVAL = EXPERIMENT.config["retrieval"]
RETRIEVAL_JOBS = list(retrieval_grid.jobs(RETRIEVAL))


rule retrieve:
    """Train a memory on associative retrieval."""
    output:
        "<results>/retrieval/{setting}/{memory}/pairs-{pairs}-seed-{seed}.json",
    log:
        "<results>/retrieval/{setting}/{memory}/pairs-{pairs}-seed-{seed}.log",
    benchmark:
        "<results>/retrieval/{setting}/{memory}/pairs-{pairs}-seed-{seed}.benchmark.tsv"
    wildcard_constraints:
        setting="distinct|repeated",
        memory="[^/]+",
        pairs=r"\d+",
        seed=r"\d+",
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=lambda _, attempt: attempt * 2000,
        runtime=lambda _, attempt: within_limit(attempt * 240),
        device=EXPERIMENT.device,
    params:
        run=lambda wildcards: retrieval_grid.params(RETRIEVAL, **wildcards),
        code=EXPERIMENT.code("retrieval"),
    script:
        "../scripts/retrieve.py"


rule retrieval:
    """Set the losses of memories beside the published ones."""
    input:
        [f"<results>/retrieval/{job.name}.json" for job in RETRIEVAL_JOBS],
    output:
        csv="<results>/retrieval/retrieval.csv",
        markdown="<results>/retrieval/retrieval.md",
        figures=expand("<results>/retrieval/retrieval.{format}", format=["svg", "pdf", "png"]),
    log:
        "<results>/retrieval/retrieval.log",
    benchmark:
        "<results>/retrieval/retrieval.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        jobs=[list(job) for job in RETRIEVAL_JOBS],
        code=EXPERIMENT.code("retrieval_report"),
    script:
        "../scripts/retrieval.py"
