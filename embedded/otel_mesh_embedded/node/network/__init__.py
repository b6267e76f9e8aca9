"""The node's network: bridge, routes, packet filter rules, kernel settings."""
