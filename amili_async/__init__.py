"""amili."""
