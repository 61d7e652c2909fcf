"""Identity API: tokens."""
