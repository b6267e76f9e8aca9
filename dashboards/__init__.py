"""Dashboards as code: what Grafana shows, built with its published types and written as the JSON that it reads.

``make dashboards`` writes the files, a test holds them to what stands here. They are made while developing and not by
the components: what a pull request changes is then seen as Grafana gets it, and a stack needs none of the builders.
"""
