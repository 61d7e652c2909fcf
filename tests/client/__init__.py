"""The client over scripted transports and mocked aiohttp."""
