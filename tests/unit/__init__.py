"""Pure parts: tables and properties, no I/O."""
