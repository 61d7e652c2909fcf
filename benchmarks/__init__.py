"""The benchmark harness: the client against its limit and its peers, side by side in one run. See README.md beside this."""
