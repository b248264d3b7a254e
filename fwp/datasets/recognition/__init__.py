"""Recognition: is a whole string in a language? Strings of it, and strings that are not."""
