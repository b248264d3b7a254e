"""Layers that blocks and mixers are made of, each with its kernels beside it."""
