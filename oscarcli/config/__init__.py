"""What is remembered between runs: clusters, and which one is the default."""
