"""What is measured on test data, one module for each kind of task."""
