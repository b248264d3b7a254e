"""Metalearning and continual learning: a task is learnt from a stream, then another, then again.

The experiments of Irie, Csordás and Schmidhuber (2025, arXiv 2312.00276) and of Irie et al. (2022,
arXiv 2202.05780), apart from models × tasks: what goes in are vectors with labels, not symbols.
"""
