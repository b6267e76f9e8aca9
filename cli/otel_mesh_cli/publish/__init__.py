"""Posting a report where its readers are: one comment per stack in a pull or merge request."""
