"""The terminal view of operators: lag, positions, ratios and alerts of a running bank, live, without a browser."""
