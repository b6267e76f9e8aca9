"""Public HTTP entry point of the shop."""
