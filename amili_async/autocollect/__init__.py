"""The AutoCollect legacy API."""
