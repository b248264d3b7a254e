# `snakemake metalearning` trains the models that the section `metalearning` of the config names on
# streams of tasks, and measures what they forget; part of `all` if the config has it among its `targets`.
from fwp.metalearning import grid as metalearning_grid

try:
    METALEARNING_JOBS = list(metalearning_grid.jobs(EXPERIMENT))
except ConfigError as error:
    sys.exit(str(error))


rule metalearn:
    """Train a model to learn tasks from streams."""
    output:
        "<results>/metalearning/{family}/{learner}/{objective}-seed-{seed}.json",
    log:
        "<results>/metalearning/{family}/{learner}/{objective}-seed-{seed}.log",
    benchmark:
        "<results>/metalearning/{family}/{learner}/{objective}-seed-{seed}.benchmark.tsv"
    wildcard_constraints:
        family="clusters|linear|sinusoids|images",
        learner="[^/]+",
        objective="plain|acl",
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
        run=lambda wildcards: metalearning_grid.params(EXPERIMENT, **wildcards),
        code=lambda wildcards: EXPERIMENT.code("metalearning", wildcards.learner),
    script:
        "../scripts/metalearn.py"


rule metalearning:
    """Set what models know of a task before and after another side by side."""
    input:
        [f"<results>/metalearning/{job.name}.json" for job in METALEARNING_JOBS],
    output:
        csv="<results>/metalearning/metalearning.csv",
        course="<results>/metalearning/course.csv",
        markdown="<results>/metalearning/metalearning.md",
        figures=expand("<results>/metalearning/metalearning.{format}", format=["svg", "pdf", "png"]),
    log:
        "<results>/metalearning/metalearning.log",
    benchmark:
        "<results>/metalearning/metalearning.benchmark.tsv"
    localrule: True
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    params:
        jobs=[list(job) for job in METALEARNING_JOBS],
        names=[asdict(name) for name in EXPERIMENT.names()],
        code=EXPERIMENT.code("metalearning_report"),
    script:
        "../scripts/metalearning.py"
