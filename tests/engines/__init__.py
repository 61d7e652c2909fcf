"""The package in other people's engines."""
