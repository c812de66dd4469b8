"""Command-line client for OSCAR, with a local cluster."""

__version__ = "0.1.0"
