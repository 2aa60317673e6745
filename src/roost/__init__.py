"""Roost: a self-hosted chat backend in which no message is lost between two devices."""

__version__ = "0.1.0"
