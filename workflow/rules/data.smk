# Training and test strings are files of their own, each with the params that decide it: other test
# bins or counts train nothing.
rule data:
    """Draw the training and validation strings of a task, or prepare its text."""
    input:
        lambda wildcards: EXPERIMENT.text_files(wildcards.task, "train", "validation"),
    output:
        "<results>/data/{task}/train.npz",
    log:
        "<results>/data/{task}/train.log",
    benchmark:
        "<results>/data/{task}/train.benchmark.tsv"
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    resources:
        mem_mb=memory("data"),
        runtime=runtime("data"),
    params:
        data=lambda wildcards: EXPERIMENT.data_params(wildcards.task),
    script:
        "../scripts/data.py"


rule test_data:
    """Draw the test strings of a task, or prepare its test text, and describe all sets."""
    input:
        train="<results>/data/{task}/train.npz",
        text=lambda wildcards: EXPERIMENT.text_files(wildcards.task, "test"),
    output:
        test="<results>/data/{task}/test.npz",
        card="<results>/data/{task}/card.json",
    log:
        "<results>/data/{task}/test.log",
    benchmark:
        "<results>/data/{task}/test.benchmark.tsv"
    # Before training, as evaluation waits for them.
    priority: 2
    conda:
        "../../envs/fwp.yaml"
    threads: 1
    resources:
        mem_mb=memory("test_data"),
        runtime=runtime("test_data"),
    params:
        data=lambda wildcards: EXPERIMENT.test_data_params(wildcards.task),
    script:
        "../scripts/test_data.py"
