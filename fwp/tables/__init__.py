"""Tables for papers and for the report, made from the tidy tables and the dataset cards."""

from fwp.tables.claims import verdicts, write_claims
from fwp.tables.datasets import write_datasets
from fwp.tables.summary import write_comparison, write_compute, write_summary

__all__ = [
    "verdicts",
    "write_claims",
    "write_comparison",
    "write_compute",
    "write_datasets",
    "write_summary",
]
