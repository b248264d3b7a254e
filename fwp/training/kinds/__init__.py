"""What is trained on and selected by, one module for each kind of task."""
