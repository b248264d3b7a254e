rule train:
    input:
        dataset="<results>/data/{task}/train.npz",
    output:
        weights="<cell>/model.safetensors",
        history="<cell>/history.csv",
        record="<cell>/cell.json",
    log:
        "<cell>/train.log",
    benchmark:
        "<cell>/train.benchmark.tsv"
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=memory("train"),
        runtime=runtime("train"),
        # Not a param: where a model is trained must not decide whether it is trained again.
        device=EXPERIMENT.device,
    params:
        job=lambda wildcards: EXPERIMENT.train_job(wildcards.model, wildcards.task, wildcards.group),
        # What the file of strings is compared with. It changes with that file alone.
        spec=lambda wildcards: EXPERIMENT.data_params(wildcards.task)["dataset"],
    script:
        "../scripts/train.py"
