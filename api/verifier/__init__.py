"""The script that checks proofs on machines without Tidemark. Kept as a file to be copied; nothing imports it."""
