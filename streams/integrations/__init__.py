"""The neighbour systems of the bank (spec/risk-assets.md 9.1): topics and records, what becomes of what they send,
what they are told, and a simulated one of each."""
