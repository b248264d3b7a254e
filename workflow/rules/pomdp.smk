# `snakemake pomdp` lets the models that the section `pomdp` of the config names learn in its
# environments; part of `all` if the config has it among its `targets`.
from dataclasses import asdict

from fwp.pomdp import grid as pomdp_grid

try:
    pomdp_grid.check(EXPERIMENT)
except ConfigError as error:
    sys.exit(str(error))
POMDP_JOBS = list(pomdp_grid.jobs(EXPERIMENT))


rule reinforce:
    """Let a model learn to act in an environment."""
    output:
        "<results>/pomdp/{environment}/{model}/seed-{seed}.json",
    log:
        "<results>/pomdp/{environment}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/pomdp/{environment}/{model}/seed-{seed}.benchmark.tsv"
    wildcard_constraints:
        environment="[^/]+",
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
        run=lambda w: pomdp_grid.params(EXPERIMENT, w.environment, w.model, int(w.seed)),
        code=lambda w: pomdp_grid.code(EXPERIMENT, w.environment, w.model),
    script:
        "../scripts/reinforce.py"


rule pomdp:
    """Set the returns of models beside each other, at short horizons and at long ones."""
    input:
        [f"<results>/pomdp/{job.name}.json" for job in POMDP_JOBS],
    output:
        csv="<results>/pomdp/pomdp.csv",
        markdown="<results>/pomdp/pomdp.md",
        figures=expand("<results>/pomdp/pomdp.{format}", format=["svg", "pdf", "png"]),
    log:
        "<results>/pomdp/pomdp.log",
    benchmark:
        "<results>/pomdp/pomdp.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        jobs=[list(job) for job in POMDP_JOBS],
        titles=pomdp_grid.titles(EXPERIMENT.config),
        names=[asdict(name) for name in EXPERIMENT.names() if name.kind == "model"],
        code=EXPERIMENT.code("pomdp_report"),
    script:
        "../scripts/pomdp.py"
