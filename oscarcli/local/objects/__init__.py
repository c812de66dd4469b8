"""The local cluster's object store: a small S3 server over blob files and SQLite."""
