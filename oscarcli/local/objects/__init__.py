"""The local cluster's object store: a small S3 server over blob files and SQLite.

`store.py` is the Python face; `wire.py` the S3 face, with the operations in `wire_*.py`. Below them,
`writing.py` makes objects visible and `reading.py` keeps them while they are read; `index.py`,
`piece_index.py` and `blobs.py` hold what there is. `bodies.py`, `chunked.py`, `form.py`, `checksums.py` and
`crc*.py` check what arrives, `authorization.py`, `signatures*.py` and `post_policy.py` who sent it.
"""
