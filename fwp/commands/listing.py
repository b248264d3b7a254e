"""`fwp list`: the mixers, languages and ops that the package has."""

from argparse import Namespace


def run(_: Namespace) -> None:
    """Print their names."""
    from fwp import languages, mixers, ops

    print("mixers:    " + "  ".join(mixers.names()))
    print("languages: " + "  ".join(languages.names()))
    print("ops:       " + "  ".join(ops.names()))
