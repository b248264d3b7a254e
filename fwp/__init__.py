"""Fast weight programmers on formal languages: models, languages, training and evaluation.

The package knows nothing of Snakemake; the workflow calls it. Nothing is imported here, so that
`import fwp` costs nothing and the parts that need no PyTorch do not load it.
"""

__version__ = "0.2.0"
