"""OSCAR's REST API: one file a resource, functions named after the verbs. The home of httpx."""
