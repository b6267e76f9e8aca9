"""Copies of database dumps in an S3-compatible object store."""
