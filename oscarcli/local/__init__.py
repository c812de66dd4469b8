"""The local cluster: OSCAR's REST API, its object store and its jobs in one process on a laptop."""
