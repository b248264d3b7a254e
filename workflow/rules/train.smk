# With a search, the files of a cell are not deleted first. If the search chooses what it chose before,
# the job finds the cell trained. So does a group of cells that is submitted again, as one has failed.
KEPT = update if EXPERIMENT.searches() or "FWP_GROUP" in os.environ else str


rule train:
    """Train the seeds of a model on a task."""
    input:
        dataset="<results>/data/{task}/train.npz",
        chosen=lambda wildcards: EXPERIMENT.chosen_inputs(wildcards.model, wildcards.task),
    output:
        weights=KEPT("<cell>/model.safetensors"),
        history=KEPT("<cell>/history.csv"),
        record=KEPT("<cell>/cell.json"),
    log:
        "<cell>/train.log",
    benchmark:
        "<cell>/train.benchmark.tsv"
    # Before further searches.
    priority: 1
    conda:
        "../../envs/fwp.yaml"
    threads: EXPERIMENT.threads
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
