"""Ways to get a token: oidc-agent, refresh token, device and browser logins, a command."""
