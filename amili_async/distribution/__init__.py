"""The Distribution API."""
