"""Cases that people take through every path of risk assets: commands, each after what it waits for has happened.

Not for judging: the aggregates do that. Not for core banking's answers: `streams.core_simulator` gives them.
"""
