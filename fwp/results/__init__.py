"""What was measured: records, tidy tables, and what they amount to."""
