"""The command line `tidemark`: parses, asks, starts. It decides nothing and computes no figure."""
