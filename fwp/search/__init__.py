"""The search for settings: spaces, samplers and what was chosen."""
