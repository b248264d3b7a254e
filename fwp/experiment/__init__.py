"""The experiment that a config describes: cells, jobs, fingerprints."""
