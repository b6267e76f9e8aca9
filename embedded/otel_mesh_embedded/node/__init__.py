"""What the node is made of: addresses, files, configurations of its programs."""
