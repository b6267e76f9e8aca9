"""Certificate authorities, certificates and keys of the embedded environment."""
