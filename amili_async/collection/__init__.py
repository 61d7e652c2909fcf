"""Collection API: debt collection."""
