"""Dashboards as code, built with Grafana's published types and generated as Grafana's JSON.

``make dashboards`` writes the files, and a test compares them with this package. They are generated during development
and not by the components: a pull request shows the JSON that Grafana gets, and a stack does not need the builders.
"""
