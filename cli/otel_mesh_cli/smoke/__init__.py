"""The check that a running environment serves requests and keeps their traces."""
