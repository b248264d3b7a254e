"""The config: reading it and its schema."""
