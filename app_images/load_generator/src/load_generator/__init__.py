"""Load generator for the demonstration shop: limited in rate and duration, with requests counted by outcome."""
