"""Labelled strings in files of the user's: reading, checking, sharing out, describing."""
