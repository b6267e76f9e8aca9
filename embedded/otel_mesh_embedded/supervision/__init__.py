"""The node's programs as processes: started, watched, restarted, stopped."""
