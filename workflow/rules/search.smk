# The files are updated rather than deleted first: the same choice as before trains nothing again.
rule search:
    """Choose settings of a model on a task by trials on validation data."""
    input:
        dataset="<results>/data/{task}/train.npz",
    output:
        chosen=update("<results>/search/{task}/{model}/chosen.json"),
        trials=update("<results>/search/{task}/{model}/trials.csv"),
    log:
        "<results>/search/{task}/{model}/search.log",
    benchmark:
        "<results>/search/{task}/{model}/search.benchmark.tsv"
    # After training: a grid that is stopped half-way has whole cells, rather than settings alone.
    conda:
        "../../envs/fwp.yaml"
    threads: EXPERIMENT.threads
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=memory("search"),
        runtime=runtime("search"),
        device=EXPERIMENT.device,
    params:
        job=lambda wildcards: EXPERIMENT.search_job(wildcards.model, wildcards.task),
        spec=lambda wildcards: EXPERIMENT.data_params(wildcards.task)["dataset"],
    script:
        "../scripts/search.py"
