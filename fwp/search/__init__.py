"""The search for settings: what is tried, and in which order."""
