"""`fwp record`: results in compressed tables, for a repository."""

from argparse import Namespace


def run(options: Namespace) -> None:
    """Write the record and say how large it is."""
    from fwp.analysis.records import write_record

    files = write_record(options.results, options.output)
    size = sum(path.stat().st_size for path in files)
    print(f"{options.output}: {len(files)} files, {size / 1e6:.1f} MB")
