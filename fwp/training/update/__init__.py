"""The update of weights on a CPU by one kernel."""
