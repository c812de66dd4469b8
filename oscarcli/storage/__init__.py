"""Objects of a service's storage providers: one protocol, one module for each way to reach them."""
