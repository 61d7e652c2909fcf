"""Tests in rings: unit, client, wire, contract, cli; and typed programs."""
