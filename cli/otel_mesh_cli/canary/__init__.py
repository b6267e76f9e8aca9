"""A canary in reviewed stages: its gate read from Prometheus, its next stage written into the stack's file.

Nothing here changes a route. The stack's file holds the stage, a review accepts it, and the next update applies it.
"""
