"""Address ranges of pods and Services: those an environment was made with, else those of two variables."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

POD_VARIABLE: Final = "OTEL_MESH_POD_CIDR"
SERVICE_VARIABLE: Final = "OTEL_MESH_SERVICE_CIDR"
DEFAULTS: Final = {POD_VARIABLE: "10.246.0.0/16", SERVICE_VARIABLE: "10.247.0.0/16"}
"""Ranges that no widespread program uses by default.

Docker: 172.17.0.0/16 to 172.31.0.0/16. Podman: 10.88.0.0/16. kubeadm, kind, minikube: 10.244.0.0/16 and 10.96.0.0/12.
k3s: 10.42.0.0/16 and 10.43.0.0/16. libvirt: 192.168.122.0/24. Tailscale: 100.64.0.0/10.
"""
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))  # RFC 1918, 6598
_LARGEST, _SMALLEST = 12, 24  # prefix lengths; kube-apiserver refuses larger ranges of Services


@dataclass(frozen=True)
class Ranges:
    """The ranges of one environment, and the addresses in them that never change."""

    pods: IPv4Network
    services: IPv4Network

    @property
    def node(self) -> IPv4Address:
        """Address of the node's bridge."""
        return self.pods[1]

    @property
    def api_service(self) -> IPv4Address:
        """Address of the Service ``kubernetes``."""
        return self.services[1]

    @property
    def dns_service(self) -> IPv4Address:
        """Address of the Service ``kube-dns``."""
        return self.services[10]


def configured() -> Ranges:
    """The ranges that the variables name.

    Raises:
        CommandError: a variable does not name a private range of a suitable size, or the two overlap.
    """
    found = Ranges(_configured(POD_VARIABLE), _configured(SERVICE_VARIABLE))
    if found.pods.overlaps(found.services):
        raise CommandError(
            f"{POD_VARIABLE}={found.pods}, {SERVICE_VARIABLE}={found.services}: the ranges overlap",
            remedy="set them to ranges without a common address",
        )
    return found


def recorded(file: Path) -> Ranges | None:
    """The ranges of an existing environment; None before its first start."""
    try:
        stored = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return Ranges(IPv4Network(stored["pods"]), IPv4Network(stored["services"]))


def record(file: Path, ranges: Ranges) -> None:
    """Keep the ranges for every later command, whatever its variables are."""
    files.write(file, json.dumps({"pods": str(ranges.pods), "services": str(ranges.services)}) + "\n")


def contradicting(made: Ranges) -> str:
    """The range of an environment that a variable contradicts, for messages; empty if none does."""
    for variable, own in ((POD_VARIABLE, made.pods), (SERVICE_VARIABLE, made.services)):
        if os.environ.get(variable) and (asked := _configured(variable)) != own:
            return f"{own}, not with {variable}={asked}"
    return ""


def _configured(variable: str) -> IPv4Network:
    text = os.environ.get(variable) or DEFAULTS[variable]
    place = f"{variable}={text}"
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise CommandError(f"{place}: {error}", remedy=f"set it to a range such as {DEFAULTS[variable]}") from None
    if not any(network.subnet_of(private) for private in _PRIVATE):
        raise CommandError(f"{place}: not a private range", remedy=f"choose one within {', '.join(map(str, _PRIVATE))}")
    if not _LARGEST <= network.prefixlen <= _SMALLEST:
        raise CommandError(
            f"{place}: {network.num_addresses} addresses", remedy=f"choose a range from /{_LARGEST} to /{_SMALLEST}"
        )
    return network
