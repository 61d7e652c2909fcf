"""ARM, the accounts receivable API."""
