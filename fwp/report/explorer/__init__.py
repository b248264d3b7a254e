"""Charts on the page of the report to explore the results with."""
