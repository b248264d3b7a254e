"""`fwp status`: the grid as a board, or as JSON."""

from argparse import Namespace

from fwp.commands import experiment as experiments


def run(options: Namespace) -> None:
    """Show how far the experiment is, once or until Ctrl-C."""
    experiment = experiments.load(options)
    from fwp.report.labels import shown_as
    from fwp.status import board, watch

    slurm = not options.no_slurm
    if options.json:
        watch.print_json(experiment, slurm=slurm, watch=options.watch)
        return
    with shown_as(experiment.names()):
        (watch.watch if options.watch else board.show)(experiment, slurm=slurm)
