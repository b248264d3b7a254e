"""Models: embedding, blocks of mixers, readout."""
