"""Claims about models and tasks, and their verdicts."""
