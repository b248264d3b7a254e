"""Tables for papers and for the report, made from the tidy tables and the dataset cards."""
