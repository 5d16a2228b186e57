"""One module for each ACTUS contract type: its schedule, its states, its payoff and state transition functions."""
