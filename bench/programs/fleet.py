"""The services of both programs, and (as a command) their finished objects as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from otel_mesh import MicroserviceArgs, MicroserviceSettings, Service
from otel_mesh.core.labels import Annotation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.k8s.manifests import Manifest


def fleet(count: int, namespace: str) -> Iterator[MicroserviceArgs]:
    """A catalog of services that call each other in a ring."""
    for index in range(count):
        callee = f"service-{(index + 1) % count}"
        yield MicroserviceArgs(
            namespace=namespace,
            image=f"example.invalid/service-{index}:1.0",
            otlp_endpoint="http://otel-collector.observability.svc.cluster.local:4317",
            settings=MicroserviceSettings(
                service=Service(name=f"service-{index}", port=8080, calls=(callee,)),
                service_namespace="bench",
                environment="test",
            ),
            callees={
                f"{callee.upper().replace('-', '_')}_URL": f"http://{callee}.{namespace}.svc.cluster.local:8080",
            },
        )


def unwaited(manifest: Manifest) -> Manifest:
    """The object with the skipAwait annotation: no pod starts on this API server."""
    meta = manifest["metadata"]
    annotations = {**meta.get("annotations", {}), Annotation.SKIP_AWAIT.value: "true"}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def main() -> None:
    """Prints the objects of this many services in a namespace."""
    from otel_mesh.services.microservice_objects import microservice_manifests  # noqa: PLC0415 - only the command needs it

    services = fleet(int(sys.argv[1]), sys.argv[2])
    found = [unwaited(one) for args in services for one in microservice_manifests(args, args.settings)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
