"""Commands of the embedded environment: up, down --purge, status, env, rotate."""
