rule evaluate:
    """Measure trained models on test data."""
    input:
        dataset="<results>/data/{task}/test.npz",
        weights="<cell>/model.safetensors",
        record="<cell>/cell.json",
    output:
        accuracy=KEPT("<cell>/accuracy.csv"),
        record=KEPT("<cell>/evaluation.json"),
    log:
        "<cell>/evaluate.log",
    benchmark:
        "<cell>/evaluate.benchmark.tsv"
    # Before further training, so that `fwp status` soon shows accuracies on test strings.
    priority: 2
    conda:
        "../../envs/fwp.yaml"
    threads: EXPERIMENT.threads
    resources:
        gpu=EXPERIMENT.gpus_per_job,
        mem_mb=memory("evaluate"),
        runtime=runtime("evaluate"),
        device=EXPERIMENT.device,
    params:
        cell=lambda wildcards: EXPERIMENT.evaluate_params(wildcards.model, wildcards.task),
        spec=lambda wildcards: EXPERIMENT.test_data_params(wildcards.task)["dataset"],
    script:
        "../scripts/evaluate.py"
