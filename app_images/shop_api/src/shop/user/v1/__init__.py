"""Version 1 of user-service's protocol."""
