"""Datasets: how they are drawn, described, stored and read."""
