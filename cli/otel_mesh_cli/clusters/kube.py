"""State of another cluster before an update, read with kubectl."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import Done, run

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
        """Refuse a cluster that does not answer this user.

        Raises:
            CommandError: no answer, access denied, or a kubeconfig that the Kubernetes provider cannot read.
        """
        current = self._run("config", "current-context").stdout.strip()
        if current and current not in self._run("config", "get-contexts", "--output=name").stdout.split():
            raise CommandError(  # kubectl accepts this when --context is given, the Kubernetes provider does not
                f"kubeconfig: its current context {current!r} is not in it",
                remedy=f"choose one that exists: kubectl config use-context {self.context}",
            )
        done = self._run("get", "--raw", "/version")
        if not done.ok:
            raise CommandError(
                f"context {self.context}: {done.reason}",
                remedy=f"make `kubectl --context {self.context} version` work, then run it again",
            )

    def require_machines(self) -> None:
        """Refuse nodes that cannot run images built here; without the right to list nodes nothing is checked.

        Raises:
            CommandError: no node has this machine's architecture.
        """
        done = self._run("get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.architecture}")
        ours = _MACHINES.get(platform.machine(), platform.machine())
        theirs = set(done.stdout.split()) if done.ok else set()
        if theirs and ours not in theirs:
            raise CommandError(
                f"context {self.context}: its nodes are {', '.join(sorted(theirs))}, images built here are {ours}",
                remedy="run it on a machine of their architecture, or name images for it with OTEL_MESH_IMAGES_FILE",
            )

    def images_on_all_nodes(self) -> set[str]:
        """Names of images that every node has; a node lists its largest ones only, and only to who may read nodes."""
        done = self._run("get", "nodes", "--output=json")
        if not done.ok:
            return set()
        listed = [
            {name for image in node["status"].get("images", []) for name in image.get("names") or []}
            for node in json.loads(done.stdout)["items"]
        ]
        return set.intersection(*listed) if listed else set()

    def require_secret(self, namespace: str, name: str, key: str) -> None:
        """Refuse a cluster without a Secret that the stack expects; the value is not read.

        Raises:
            CommandError: the Secret is missing or lacks the key; the remedy is a command that creates it.
        """
        kubectl = f"kubectl --context {self.context}"
        create = f"{kubectl} -n {namespace} create secret generic {name} --from-file={key}=/dev/stdin"
        self._require(namespace, name, key, f"openssl rand -hex 24 | tr -d '\\n' | {create}")

    def require_given(self, namespace: str, name: str, *keys: str) -> None:
        """Refuse a cluster without a Secret whose values others give out; they are not read.

        Raises:
            CommandError: the Secret is missing or lacks a key; the remedy is a command that creates it.
        """
        values = " ".join(f"--from-file={key}=<file with the {key}>" for key in keys)
        for key in keys:
            create = f"kubectl --context {self.context} -n {namespace} create secret generic {name} {values}"
            self._require(namespace, name, key, create)

    def require_certificate(self, namespace: str, name: str) -> None:
        """Refuse a cluster without the gateway's certificate.

        Raises:
            CommandError: the Secret is missing or lacks the key; the remedy is a command that creates it.
        """
        create = f"create secret tls {name} --cert=<PEM file> --key=<PEM file of its key>"
        self._require(namespace, name, "tls.crt", f"kubectl --context {self.context} -n {namespace} {create}")

    def _require(self, namespace: str, name: str, key: str, create: str) -> None:
        template = f'-o=go-template={{{{if index .data "{key}"}}}}yes{{{{end}}}}'
        done = self._run("get", "secret", name, f"--namespace={namespace}", template)
        if done.ok and done.stdout == "yes":
            return
        place = f"secret {namespace}/{name} (context {self.context})"
        if done.ok:
            raise CommandError(f"{place}: has no key {key}", remedy=f"delete it, then create it again: {create}")
        reason = done.reason
        if "NotFound" not in reason:
            raise CommandError(f"{place}: {reason}", remedy="get permission to read it")
        if not self._run("get", "namespace", namespace).ok:
            create = f"kubectl --context {self.context} create namespace {namespace} && {create}"
        raise CommandError(f"{place}: not found", remedy=f"create it: {create}")

    def _run(self, *words: str) -> Done:
        return run([*self._command, *words])
