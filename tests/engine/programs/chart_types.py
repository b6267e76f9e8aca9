"""A chart with one object of each kind that CHART's template names, on a provider that writes objects to files."""

from __future__ import annotations

import os

import pulumi
import pulumi_kubernetes

provider = pulumi_kubernetes.Provider("files", render_yaml_to_directory=os.environ["RENDERED"])
pulumi_kubernetes.helm.v4.Chart("all", chart=os.environ["CHART"], opts=pulumi.ResourceOptions(provider=provider))
