"""`fwp benchmark`: the speed of training steps and ops here, without Snakemake."""

from argparse import Namespace

from fwp.commands import experiment as experiments
from fwp.commands import snakefile
from fwp.utils import signals


def run(options: Namespace) -> None:
    """Measure, say each number as soon as it is there, and write tables and figures."""
    experiment = experiments.load(options)
    settings = experiment.config["benchmark"]
    with signals.deferred():  # an exception within the import of PyTorch would be swallowed
        from fwp.benchmarks.run import benchmark, growth

    options.output.mkdir(parents=True, exist_ok=True)
    cells = experiment.benchmarked()
    if options.growth:
        growth(cells, settings["growth"], options.device, options.output, snakefile.find())
    else:
        benchmark(cells, settings, options.device, options.output, page="README.md")
    print(f"everything is in {options.output}")
