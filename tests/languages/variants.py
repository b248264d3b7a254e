"""The parameters that languages are tested with."""

from fwp import languages

# A language that is not named here is tested as it is without parameters.
PARAMS = {
    "regex": [
        {"pattern": "(a|b)*abb", "labels": "next"},
        {"pattern": "([01]{3})*|0*1", "alphabet": "012"},
    ],
    "bounded_dyck": [{}, {"kinds": 1, "depth": 3}, {"kinds": 3, "depth": 1}],
}
VARIANTS = [(name, params) for name in languages.names() for params in PARAMS.get(name, [{}])]


def label(variant):
    """A variant's name in the list of tests."""
    name, params = variant
    return "-".join([name, *map(str, params.values())])
