"""Load on the demonstration shop: bounded in rate and in time, and counted by what became of each request."""
