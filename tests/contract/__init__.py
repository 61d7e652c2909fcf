"""The facts of the contract, held against operations, models and sandbox."""
