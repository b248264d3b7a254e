"""What every kernel needs; knows nothing of the rest of the package."""
