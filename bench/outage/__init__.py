"""A service under load while its Collector is up, gone or stalled.

The benchmark runs it for minutes, tests/app_images/telemetry for seconds: the test imports it from here, so that what
is measured and what is tested are one thing.
"""
