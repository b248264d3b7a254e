"""Records of cells, and the tidy tables made of them."""
