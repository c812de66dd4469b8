"""The way out of this machine, the same for REST, OpenID Connect and S3: proxies, and whom TLS trusts."""
