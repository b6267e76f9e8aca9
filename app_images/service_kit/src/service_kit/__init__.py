"""What every HTTP service of the shop does alike: errors, probes, request lines and a graceful end."""
