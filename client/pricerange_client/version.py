"""The version of the client, which it tells the service."""

__version__ = "0.1.0"
