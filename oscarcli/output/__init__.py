"""The only package that writes: answers to stdout, everything else to stderr."""
