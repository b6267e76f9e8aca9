"""The certificates of a Linkerd, without the mesh."""

from __future__ import annotations

import os

import pulumi

from otel_mesh import LinkerdSettings
from otel_mesh.k8s.manifests import resource
from otel_mesh.mesh.linkerd.stored_identity import (
    generated_issuer,
    stored_generation,
    trust_anchors,
    webhook_authorities,
    webhook_secrets,
)
from tests.engine.programs.cluster import provider

generations = [int(one) for one in os.environ["GENERATIONS"].split(",")]
settings = LinkerdSettings.model_validate({"namespace": "default"})
options = pulumi.ResourceOptions(provider=provider())
stored = {one: stored_generation("mesh", one, settings, options, placeholder=None) for one in generations}
issuing = stored[int(os.environ["ISSUER"])]
for manifest in (generated_issuer(issuing, "default"), *webhook_secrets(issuing, "default")):
    resource(manifest["metadata"]["name"], manifest, options)
pulumi.export("anchors", trust_anchors(stored.values()))
pulumi.export("webhook", webhook_authorities(stored.values())["sp-validator"])
