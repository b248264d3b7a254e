"""Sources that texts are drawn from, of which the entropy is known."""
