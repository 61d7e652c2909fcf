"""The client against the sandbox on a real socket."""
