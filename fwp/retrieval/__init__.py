"""Associative retrieval: how many random pairs of key and value a fast weight memory can hold.

The synthetic experiment of Schlag, Irie and Schmidhuber (2021), apart from models × tasks: the
values are vectors to be reproduced, not classes.
"""
