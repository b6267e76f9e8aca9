"""The commands of a person on call: one trace with its logs, where the time goes, what fails first, who calls whom."""
