"""Reinforcement learning where a single observation does not tell the state: memory must.

The worlds of Lu et al. (2024), apart from models × tasks: an agent acts, and is told what its
actions were worth. The models are those of the lab.
"""
