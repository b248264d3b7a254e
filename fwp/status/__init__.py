"""How far the runs of a grid are, and how the board shows it."""
