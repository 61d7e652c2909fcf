"""Tests of the sync job: real files, real databases, real servers."""
