"""What every part may use, and that knows of none."""
