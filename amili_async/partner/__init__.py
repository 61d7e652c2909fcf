"""The Partner API."""
