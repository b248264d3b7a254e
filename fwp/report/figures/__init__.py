"""Figures for papers and for the report, drawn from the tidy tables alone.

One figure per module; each function returns a matplotlib Figure.
"""
