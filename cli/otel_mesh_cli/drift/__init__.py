"""What differs between a stack as it was deployed or is declared, and a live cluster."""
