"""Load on a service while its Collector is up, gone or stalled.

The benchmark runs it for minutes. The tests in tests/app_images/telemetry import the same code and run it for seconds.
"""
