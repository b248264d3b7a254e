"""Words of tables on texts and translations that need no pandas."""

ALL = "all"
"""The bin of sentences of every length."""
