"""Tests of programs that compose the components: what they declare, and whether it fits together."""
