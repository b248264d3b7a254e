"""Texts as data: language modelling and translation."""
