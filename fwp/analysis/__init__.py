"""What a trained model does inside: its state along a string, and the automaton it amounts to."""
