"""The stores, services and load generator of a stack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from otel_mesh import Microservice, MicroserviceArgs, MicroserviceSettings, callee_environment
from otel_mesh_stack import stores
from otel_mesh_stack.load_generator import LoadGenerator, LoadGeneratorArgs, LoadGeneratorSettings
from otel_mesh_stack.services import CATALOG, POSTGRES, REDIS
from otel_mesh_stack.variables import variables_of
from otel_mesh_stack.versions import with_versions

if TYPE_CHECKING:
    import pulumi

    from otel_mesh import Service
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import LoadSettings, StackSettings
    from otel_mesh_stack.settings import Stack

_NOT_OF_THE_WORKLOAD: Final = frozenset({"image", "callers", "traffic", "versions"})
"""Settings of a service that its pods do not depend on, or that are given by another argument."""


def services(
    stack: Stack, namespace: pulumi.Output[str], otlp_endpoint: pulumi.Output[str], mesh: Mesh
) -> dict[str, Microservice]:
    """Declares the stores and the services of the catalog; returns the services by name."""
    database, server = stores.database(stack, namespace, mesh)
    cache = stores.cache(stack, namespace, mesh, server)
    service_args = partial(MicroserviceArgs, namespace=namespace, otlp_endpoint=otlp_endpoint, mesh=mesh.binding)
    made: dict[str, Microservice] = {}
    for service in CATALOG.services:
        args = service_args(
            image=stack.service_images[service.name],
            settings=_service_settings(stack.settings, service),
            callees={**callee_environment(CATALOG, service.name, stack.settings.namespaces.services)},
            database=database(service.name) if POSTGRES in service.stores else None,
            cache=cache if REDIS in service.stores else None,
            variables=variables_of(stack.settings, service.name),
        )
        made[service.name] = Microservice(service.name, args, mesh.opts)
    return made


def load(stack: Stack, own: LoadSettings, opts: pulumi.ResourceOptions, **inputs: Any) -> None:  # noqa: ANN401 - of several kinds
    """Declares the load generator, which starts when the services are ready."""
    plain = {name: getattr(own, name) for name in own.model_fields_set - {"image"}}
    args = LoadGeneratorArgs(
        image=own.image or "",
        service_namespace=CATALOG.name,
        environment=stack.settings.environment,
        settings=LoadGeneratorSettings(**plain),
        **inputs,
    )
    LoadGenerator("load-generator", args, opts)


def _service_settings(settings: StackSettings, service: Service) -> MicroserviceSettings:
    own = settings.services[service.name]
    return MicroserviceSettings(
        service=with_versions(service, own.versions),
        service_namespace=CATALOG.name,
        environment=settings.environment,
        **{name: getattr(own, name) for name in own.model_fields_set - _NOT_OF_THE_WORKLOAD},
    )
