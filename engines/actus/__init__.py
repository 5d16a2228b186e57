"""ACTUS: cash flows of financial contracts by the algorithms of the ACTUS technical specification 1.1.

Terms in, events out: `terms.read_terms`, `observed.read_observed`, `state_machine.evaluate`. Every number is made by
a function of `formulas` that takes scalars and arrays alike (decision Q18), so that one contract and a portfolio of
a million agree bit for bit. Names are those of the ACTUS dictionary, in snake_case; event types keep their codes.
"""
