"""Programs of the control plane that need more than their arguments: API server and scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_embedded.node import arguments, templates
from otel_mesh_embedded.pki import credentials, signing_keys

if TYPE_CHECKING:
    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.programs import Programs
    from otel_mesh_embedded.supervision.registry import Program


def api_server(layout: Layout, programs: Programs) -> Program:
    """The API server, which accepts tokens of all keys that are still valid."""
    keys = signing_keys.verifying(layout.pki, credentials.SERVICE_ACCOUNT)
    return arguments.program(layout, programs, "kube-apiserver", lists={"service-account-key-file": keys})


def scheduler(layout: Layout, programs: Programs) -> Program:
    """The scheduler, with its configuration file written."""
    files.write(layout.config / "scheduler.yaml", scheduler_configuration(layout))
    return arguments.program(layout, programs, "kube-scheduler")


def scheduler_configuration(layout: Layout) -> str:
    """The file for `kube-scheduler --config`."""
    kubeconfig = credentials.kubeconfig_path(layout, credentials.SCHEDULER)
    return templates.filled("kube-scheduler.yaml", kubeconfig=str(kubeconfig))
