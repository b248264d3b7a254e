"""Targets of a model: classes, and what stands where there is none."""

NO_TARGET = -100
"""The target of a position without one; loss and accuracies leave such positions out."""
