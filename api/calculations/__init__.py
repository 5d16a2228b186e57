"""Calculations on demand: one engine, one JSON object in, one JSON object out (`tidemark calc`, HTTP).

Each module here adapts one engine: it names the inputs, hands exact numbers over and writes the result as
decimal text. Not for arithmetic: that is in `engines/`. Importing this package imports no calculation.
"""
