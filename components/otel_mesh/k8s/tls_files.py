"""Certificates of a client's TLS as files of a pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh.k8s.containers import Volume

if TYPE_CHECKING:
    from otel_mesh.core.endpoints import ClientTls
    from otel_mesh.k8s.pod_types import KeyPath, VolumeSource


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """The files of a client's TLS.

    Attributes:
        name: Prefix of the volumes' names.
        folder: Folder of the mounts.
        tls: TLS of the client; None for the authorities of the image.
    """

    name: str
    folder: str
    tls: ClientTls | None

    @property
    def ca(self) -> str | None:
        """Path of the authorities' certificates; None for those of the image."""
        return f"{self.folder}/ca/{self.tls.ca.key}" if self.tls and self.tls.ca else None

    @property
    def certificate(self) -> str | None:
        """Path of the client's certificate; None without one."""
        return f"{self.folder}/client/tls.crt" if self.tls and self.tls.client_secret else None

    @property
    def key(self) -> str | None:
        """Path of the client's private key; None without a certificate."""
        return f"{self.folder}/client/tls.key" if self.tls and self.tls.client_secret else None

    def _settings(self, ca: str, certificate: str, key: str) -> dict[str, str]:
        paths = {ca: self.ca, certificate: self.certificate, key: self.key}
        return {name: path for name, path in paths.items() if path is not None}

    def collector_settings(self) -> dict[str, str]:
        """The ``tls`` of a program built on the OpenTelemetry Collector."""
        return self._settings("ca_file", "cert_file", "key_file")

    def telemetry_settings(self) -> dict[str, str]:
        """The fields of an OTLP exporter of the Collector's own telemetry."""
        return self._settings("certificate", "client_certificate", "client_key")

    def volumes(self) -> tuple[Volume, ...]:
        """The volumes with the files: read-only, and readable by the pod's group."""
        if self.tls is None:
            return ()
        sources: dict[str, VolumeSource] = {}
        ca, client = self.tls.ca, self.tls.client_secret
        if ca is not None and ca.config_map is not None:
            sources["ca"] = {"configMap": {"name": ca.config_map, "items": [{"key": ca.key, "path": ca.key}]}}
        elif ca is not None:
            items: list[KeyPath] = [{"key": ca.key, "path": ca.key}]
            sources["ca"] = {"secret": {"secretName": ca.secret or "", "items": items, "defaultMode": 0o440}}
        if client is not None:
            sources["client"] = {"secret": {"secretName": client, "defaultMode": 0o440}}
        return tuple(
            Volume(name=f"{self.name}-{part}", path=f"{self.folder}/{part}", source=source, read_only=True)
            for part, source in sources.items()
        )
