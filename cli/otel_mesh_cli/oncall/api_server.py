"""The Kubernetes API server's service proxy: backends of a cluster, asked with the user's kubeconfig.

The official client reads the kubeconfig (several files, certificates, tokens, exec plugins, ``tls-server-name``,
``proxy-url``); requests are made with httpx, as to every other backend.
"""

from __future__ import annotations

import logging
import os
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from otel_mesh.core.errors import InvalidSettingsError
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.backends import Backend
from otel_mesh_stack import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_stack.outputs import ServicePort

_TIMEOUT_S = 30.0
_NETWORK = "and network_policies.api_server_addresses of the stack if they are ready"


@dataclass(frozen=True)
class ApiServer:
    """API server of a kubeconfig's context."""

    context: str
    """Name of the context."""
    http: httpx.Client = field(repr=False)
    """Client with the context's credentials; its base URL is the server's."""

    def backend(self, name: str, place: ServicePort) -> Backend:
        """A backend of the cluster, reached through the service proxy.

        Args:
            name: Name of the backend for messages.
            place: Port of its Service.
        """

        def refusal(answer: httpx.Response) -> CommandError | None:
            return self._refusal(answer, place)

        service = f"service {place.namespace}/{place.name}:{place.port}, context {self.context}"
        return Backend(
            place=f"{name} ({service})",
            http=self.http,
            url=f"/api/v1/namespaces/{place.namespace}/services/http:{place.name}:{place.port}/proxy",
            remedy=f"check that `kubectl --context {self.context} -n {place.namespace} get service {place.name}` works",
            refusal=refusal,
        )

    def _refusal(self, answer: httpx.Response, place: ServicePort) -> CommandError | None:
        """The error for a response of the API server itself, which is a ``Status`` object; None for a backend's."""
        status = _status(answer)
        if status is None:
            return None
        message = " ".join(str(status.get("message", "")).split())
        here = f"context {self.context}"
        service = f"service {place.namespace}/{place.name}"
        match answer.status_code:
            case HTTPStatus.UNAUTHORIZED:
                return CommandError(
                    f"{here}: the API server does not accept the credentials of the kubeconfig (401)",
                    remedy=f"log in again, until `kubectl --context {self.context} auth whoami` works",
                )
            case HTTPStatus.FORBIDDEN:
                return CommandError(
                    f"{here}: {message}",
                    remedy=f"have a Role in namespace {place.namespace} grant you the verb get on services/proxy",
                )
            case HTTPStatus.NOT_FOUND:
                return CommandError(
                    f"{service} ({here}): {message}",
                    remedy="choose the context of the stack's own cluster, or deploy the stack",
                )
            case HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.BAD_GATEWAY | HTTPStatus.GATEWAY_TIMEOUT:
                return CommandError(
                    f"{service} ({here}): {message}",
                    remedy=f"see `kubectl --context {self.context} -n {place.namespace} get pods`, {_NETWORK}",
                )
        return CommandError(
            f"{here}: the API server answers {answer.status_code}: {message}",
            remedy=f"make `kubectl --context {self.context} version` work",
        )


def _status(answer: httpx.Response) -> dict[str, Any] | None:
    if answer.is_success:
        return None
    try:
        found = answer.json()
    except ValueError:
        return None
    is_status = isinstance(found, dict) and found.get("kind") == "Status" and found.get("apiVersion") == "v1"
    return found if is_status else None


@contextmanager
def api_server(context: str) -> Iterator[ApiServer]:
    """Connects to the API server of a context of the user's kubeconfig.

    Args:
        context: Name of the context.

    Raises:
        CommandError: No kubeconfig has the context, or its credentials cannot be used.
    """
    settings = _settings(context)
    try:
        verify = _verification(settings)
    except (OSError, ssl.SSLError) as error:
        raise CommandError(
            f"context {context}: its certificates cannot be read ({type(error).__name__})",
            remedy="correct the kubeconfig",
        ) from None
    authorization = [one["value"] for one in settings.auth_settings().values() if one["key"] == "authorization"]
    extensions = {"sni_hostname": settings.tls_server_name} if settings.tls_server_name else {}

    def name_server(request: httpx.Request) -> None:
        request.extensions = {**request.extensions, **extensions}

    with httpx.Client(
        base_url=settings.host,
        headers={"authorization": str(authorization[0])} if authorization else {},
        verify=verify,
        proxy=settings.proxy or None,
        timeout=_TIMEOUT_S,
        event_hooks={"request": [name_server]},
    ) as http:
        yield ApiServer(context, http)


def _settings(context: str) -> Any:  # noqa: ANN401 -- the client is not typed
    """The official client's reading of a context.

    Raises:
        CommandError: There is no such context, or it cannot be used.
    """
    settings = kubernetes_client.Configuration()
    with _logged() as told:
        try:
            kubeconfig.require_context(context, "context")
            files = os.pathsep.join(str(one) for one in kubeconfig.files() if one.exists())
            kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=files, context=context, client_configuration=settings
            )
        except InvalidSettingsError as error:
            problem = error.problems[0]
            raise CommandError(problem.reason, remedy=problem.remedy) from None
        except (kubernetes_config.ConfigException, OSError, yaml.YAMLError, ValueError) as error:
            told.append(str(error))
    if told:  # a plugin that fails is only logged by the client, which goes on without credentials
        reason = " ".join(told[0].split())[:200]
        raise CommandError(f"context {context}: {reason}", remedy=f"make `kubectl --context {context} version` work")
    return settings


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Takes what is logged as an error meanwhile."""
    found: list[str] = []

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    root, taker = logging.getLogger(), Taker(logging.ERROR)
    root.addHandler(taker)
    try:
        yield found
    finally:
        root.removeHandler(taker)


def _verification(settings: Any) -> ssl.SSLContext:  # noqa: ANN401 -- the client is not typed
    verification = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if not settings.verify_ssl:
        verification.check_hostname = False
        verification.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        verification.load_cert_chain(settings.cert_file, settings.key_file)
    return verification
