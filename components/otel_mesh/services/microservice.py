"""A service of the catalog: Deployment, Service and ServiceAccount.

Contract of the container image:

- It listens on PORT and speaks PROTOCOL: ``http`` with GET /livez and /readyz, or ``grpc`` with the services
  ``liveness`` and ``readiness`` of ``grpc.health.v1``.
- It runs with any UID, a read-only root file system and a writable /tmp.
- It serves requests for some seconds after SIGTERM, since a terminating pod gets requests until every node knows.
- With the argument ``migrate`` it migrates its database and exits; several pods may do so at the same time.
"""

from __future__ import annotations

from typing import ClassVar

import pulumi

from otel_mesh.catalog.derivations import URL_PREFIX
from otel_mesh.core.errors import parse
from otel_mesh.k8s.component import Component
from otel_mesh.services.microservice_objects import microservice_manifests, scaled_fields
from otel_mesh.services.microservice_settings import MicroserviceArgs, MicroserviceSettings


class Microservice(Component):
    """A running service of the catalog.

    Attributes:
        url: Address inside the cluster, with the scheme ``dns:///`` for gRPC.
        service_account: Service account of the pods, part of the mesh identity.

    Raises:
        InvalidSettingsError: The settings are invalid, or a variable has two values.
    """

    TYPE: ClassVar[str] = "Microservice"

    url: pulumi.Output[str]
    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: MicroserviceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(MicroserviceSettings, args.settings)
        manifests = microservice_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests, unmanaged=scaled_fields(settings))
        host = self.host(settings.service.name, args.namespace)
        self.url = pulumi.Output.concat(URL_PREFIX[settings.service.protocol], host, f":{settings.service.port}")
        self.service_account = pulumi.Output.from_input(settings.service.name)
        self.register_outputs({"url": self.url, "service_account": self.service_account})
