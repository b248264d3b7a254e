"""`fwp status`: the grid as a board."""

from argparse import Namespace

from fwp.commands import experiment as experiments


def run(options: Namespace) -> None:
    """Show the board, once or until Ctrl-C."""
    experiment = experiments.load(options)
    from fwp.report.labels import shown_as
    from fwp.status.board import show

    with shown_as(experiment.names()):
        show(experiment, watch=options.watch)
