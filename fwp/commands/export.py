"""`fwp export`: all results of a folder in one file."""

from argparse import Namespace


def run(options: Namespace) -> None:
    """Write the file and say how long it is."""
    from fwp.analysis.export import export
    from fwp.analysis.results import load_results

    rows = export(load_results(options.results), options.output, lengths=options.lengths)
    print(f"{options.output}: {rows:,} rows")
