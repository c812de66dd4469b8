"""How a script is executed. `base` says what an engine offers, `host` runs scripts as plain processes."""
