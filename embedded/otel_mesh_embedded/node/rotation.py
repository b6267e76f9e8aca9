"""`make rotate`: other keys and certificates than before, while the pods go on and nothing of the data is lost.

Each kind can be renewed at any time, while the environment is up or down. A run that was killed is finished by the
same command, or by the next `make up`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.unready_pods import explain_unready
from otel_mesh_cli.stacks import update
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.node import (
    cluster,
    encryption,
    gateway_certificate,
    health,
    passwords,
    preflight,
    starting,
    status,
    workspace,
)
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.pod_sources import OfApi
from otel_mesh_embedded.pki import credentials, signing_keys
from otel_mesh_embedded.supervision import machine_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from otel_mesh_embedded.node.layout import Layout

CERTIFICATES, AUTHORITIES, TOKENS, ENCRYPTION, PASSWORDS = KINDS = (
    "certificates",
    "authorities",
    "tokens",
    "encryption",
    "passwords",
)
"""What can be renewed.

``certificates``: of every program and of the kubeconfigs; those that are lost sight of stay valid until they end.
``authorities``: those that sign them, and so all certificates: nothing that was signed before is accepted any more.
``tokens``: the key that signs pods' tokens; tokens of the old one are accepted for two hours more.
``encryption``: the key of the Secrets in the cluster's database; every Secret is written anew.
``passwords``: of the services at PostgreSQL, where connections that are open go on, and at Redis, which starts empty.
"""
_READY_TIMEOUT = 180.0
_POLL = 1.0


def run(kinds: Collection[str], progress: Callable[[str], None]) -> None:
    """Renew and, where the environment is up, have everything use it.

    Args:
        kinds: of :data:`KINDS`; none means the certificates.
        progress: told each step.

    Raises:
        CommandError: there is no environment, or something does not come back.
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise CommandError(f"rotate {' '.join(unknown)}: no such kind", remedy=f"use {', '.join(KINDS)}")
    preflight.check_rights()
    where = layout()
    wanted = frozenset(kinds) or {CERTIFICATES}
    with machine_lock.hold("make rotate"):
        if not credentials.authority(where, credentials.CLUSTER).exists():
            raise CommandError(f"{where.state}: no environment was ever up", remedy="run `make up` first")
        starting.renew(where, progress, _names(wanted))
        if TOKENS in wanted:
            signing_keys.replace(where.pki, credentials.SERVICE_ACCOUNT)
        if ENCRYPTION in wanted:
            encryption.add_key(where)
        if PASSWORDS in wanted:
            passwords.renew()
        if not cluster.status().programs:
            progress("renewed: the next `make up` uses it")
            return
        cluster.start(progress)
        is_shown = gateway_certificate.hand_over() and stack_mesh().gateway_tls
        if PASSWORDS in wanted or is_shown:
            _update_stack(progress)
        _wait_for_pods(where, progress)


def _update_stack(progress: Callable[[str], None]) -> None:
    """Have the stack take what it was handed."""
    tools = toolchain.ensure(stack_mesh().programs)
    has_new_password = passwords.follow(tools, progress)
    update.up(workspace.local(), "local", tools, progress)
    if has_new_password:
        passwords.deliver()


def _names(wanted: Collection[str]) -> frozenset[str]:
    """The authorities and certificates that are issued anew; an authority takes its certificates with it."""
    names: set[str] = set()
    if CERTIFICATES in wanted:
        names.update(leaf.name for leaf in credentials.LEAVES)
    if AUTHORITIES in wanted:
        names.update(credentials.AUTHORITIES)
    return frozenset(names)


def _wait_for_pods(where: Layout, progress: Callable[[str], None]) -> None:
    """Wait until every pod of the platform is ready again."""
    progress("waiting for the pods")
    api = Api(where)
    deadline = time.monotonic() + _READY_TIMEOUT
    while late := [f"{pod.namespace}/{pod.name}" for pod in status.pods(api) if not pod.ready]:
        if time.monotonic() > deadline:
            causes = explain_unready(OfApi(api), health.NAMESPACES)
            raise CommandError(
                f"not ready after {_READY_TIMEOUT:.0f} s: {'; '.join(causes) or ', '.join(late)}",
                remedy="see `make status`, then run `make up`",
            )
        time.sleep(_POLL)
