"""What a cluster must have before anything is registered for it, asked with kubectl."""

from __future__ import annotations

import platform
import subprocess
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT = "10s"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Kube:
    """kubectl on one context of the user's kubeconfig."""

    def __init__(self, kubectl: Path, context: str) -> None:
        self._command = [str(kubectl), "--context", context, f"--request-timeout={_TIMEOUT}"]
        self.context = context

    def require_answer(self) -> None:
        """Refuse a cluster that does not answer, or not to this user.

        Raises:
            CommandError: as said; or the kubeconfig is one that the provider cannot read.
        """
        current = self._run("config", "current-context").stdout.strip()
        if current and current not in self._run("config", "get-contexts", "--output=name").stdout.split():
            raise CommandError(  # kubectl does not mind when another one is asked for, the Kubernetes provider does
                f"kubeconfig: its current context {current!r} is not in it",
                remedy=f"choose one that is: kubectl config use-context {self.context}",
            )
        done = self._run("get", "--raw", "/version")
        if done.returncode != 0:
            raise CommandError(
                f"context {self.context}: {_reason(done)}",
                remedy=f"make `kubectl --context {self.context} version` work, then run it again",
            )

    def require_machines(self) -> None:
        """Refuse nodes that cannot run what is built here; a user who may not list nodes is taken at their word.

        Raises:
            CommandError: no node has this machine's architecture.
        """
        done = self._run("get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.architecture}")
        ours = _MACHINES.get(platform.machine(), platform.machine())
        theirs = set(done.stdout.split()) if done.returncode == 0 else set()
        if theirs and ours not in theirs:
            raise CommandError(
                f"context {self.context}: its nodes are {', '.join(sorted(theirs))}, images built here are {ours}",
                remedy="run it on a machine of theirs, and name its images with OTEL_MESH_IMAGES_FILE here",
            )

    def require_secret(self, namespace: str, name: str, key: str) -> None:
        """Refuse a cluster without a Secret that the stack expects; its value is not looked at.

        Raises:
            CommandError: it is not there or lacks the key; the remedy is a command that makes one.
        """
        kubectl = f"kubectl --context {self.context}"
        create = f"{kubectl} -n {namespace} create secret generic {name} --from-file={key}=/dev/stdin"
        self._require(namespace, name, key, f"openssl rand -hex 24 | tr -d '\\n' | {create}")

    def require_certificate(self, namespace: str, name: str) -> None:
        """Refuse a cluster without the certificate that a gateway is to show.

        Raises:
            CommandError: as of `require_secret`.
        """
        create = f"create secret tls {name} --cert=<its PEM file> --key=<its key's>"
        self._require(namespace, name, "tls.crt", f"kubectl --context {self.context} -n {namespace} {create}")

    def _require(self, namespace: str, name: str, key: str, make: str) -> None:
        template = f'-o=go-template={{{{if index .data "{key}"}}}}yes{{{{end}}}}'
        done = self._run("get", "secret", name, f"--namespace={namespace}", template)
        if done.returncode == 0 and done.stdout == "yes":
            return
        place = f"secret {namespace}/{name} (context {self.context})"
        if done.returncode == 0:
            raise CommandError(f"{place}: has no key {key}", remedy=f"delete it and make it anew: {make}")
        reason = _reason(done)
        if "NotFound" not in reason:
            raise CommandError(f"{place}: {reason}", remedy="get the right to read it")
        if self._run("get", "namespace", namespace).returncode != 0:
            make = f"kubectl --context {self.context} create namespace {namespace} && {make}"
        raise CommandError(f"{place}: not there", remedy=f"make it: {make}")

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "kubectl failed"
