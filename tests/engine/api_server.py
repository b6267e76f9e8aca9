"""A real Kubernetes API server on loopback: etcd and kube-apiserver with their own certificates.

Nothing else of a cluster runs: objects are validated, defaulted and stored, but no pod ever starts.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import subprocess
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core import child_processes
from otel_mesh_embedded.pki import authorities, signing_keys
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Self

LOOPBACK = IPv4Address("127.0.0.1")
_CA = "ca"
_SERVER = authorities.Leaf(
    "server", _CA, "kube-apiserver", server=True, dns_names=("localhost",), addresses=(LOOPBACK,)
)
_ADMIN = authorities.Leaf("admin", _CA, "engine-tests", organization="system:masters", client=True)
_TOKENS = "tokens"
_START_SECONDS = 180
# the controllers that complete deletions
_ENDING = ("garbage-collector-controller", "namespace-controller", "persistentvolumeclaim-protection-controller")
_OK = 200
_NOT_KNOWN_YET = ("no PriorityClass with name", "no matches for kind", "could not find the requested resource")


class ApiServer:
    """An API server between `start` and `stop`; all its files are in one folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def processes(self) -> tuple[int, ...]:
        """Process ids of the started programs."""
        return tuple(process.pid for process in self._processes)

    def start(self) -> None:
        """Starts both programs and waits until objects can be written."""
        authorities.ensure(self._folder, [_CA], [_SERVER, _ADMIN])
        signing_keys.ensure(self._folder, _TOKENS)
        client, peer = (f"http://{LOOPBACK}:{free_port()}" for _ in range(2))
        self._run(
            "etcd",
            [
                f"--data-dir={self._folder / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
            ],
        )
        self._run(
            "kube-apiserver",
            [
                f"--etcd-servers={client}",
                f"--bind-address={LOOPBACK}",
                f"--secure-port={self._port}",
                "--endpoint-reconciler-type=none",
                "--authorization-mode=RBAC",
                "--anonymous-auth=false",
                "--service-cluster-ip-range=10.0.0.0/16",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={self._folder / _TOKENS}.pub",
                f"--service-account-signing-key-file={authorities.key_path(self._folder, _TOKENS)}",
                f"--client-ca-file={authorities.certificate_path(self._folder, _CA)}",
                f"--tls-cert-file={authorities.certificate_path(self._folder, _SERVER.name)}",
                f"--tls-private-key-file={authorities.key_path(self._folder, _SERVER.name)}",
            ],
        )
        self._wait()

    def collect_garbage(self, controller_manager: Path) -> None:
        """Starts the controllers that delete owned objects and the content of deleted namespaces."""
        kubeconfig = self._folder / "controllers.kubeconfig"
        kubeconfig.write_text(self.kubeconfig("controllers") + "current-context: controllers\n")
        self._run(
            str(controller_manager),
            [
                f"--kubeconfig={kubeconfig}",
                f"--controllers={','.join(_ENDING)}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
        )

    @classmethod
    @contextlib.contextmanager
    def running(cls, programs: Path, folder: Path) -> Iterator[Self]:
        """A started server, stopped at the end."""
        server = cls(programs, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()

    def stop(self) -> None:
        """Kills the started programs only; their data is not kept."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def kubeconfig(self, context: str) -> str:
        """A kubeconfig of the administrator with one context and no current context."""

        def embedded(path: Path) -> str:
            return base64.b64encode(path.read_bytes()).decode()

        cluster = {
            "server": f"https://{LOOPBACK}:{self._port}",
            "certificate-authority-data": embedded(authorities.certificate_path(self._folder, _CA)),
        }
        user = {
            "client-certificate-data": embedded(authorities.certificate_path(self._folder, _ADMIN.name)),
            "client-key-data": embedded(authorities.key_path(self._folder, _ADMIN.name)),
        }
        content: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": context, "user": user}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        }
        return yaml.safe_dump(content)

    def kubectl(self, words: Sequence[str], kubeconfig: Path, text: str = "") -> subprocess.CompletedProcess[str]:
        """Runs the real kubectl."""
        return subprocess.run(
            [
                self._programs / "kubectl",
                f"--kubeconfig={kubeconfig}",
                f"--context={yaml.safe_load(kubeconfig.read_text())['contexts'][0]['name']}",
                f"--cache-dir={self._folder}/kubectl",
                *words,
            ],
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env={"HOME": str(self._folder)},
        )

    def dry_run(
        self, objects: Iterable[dict[str, Any]], kubeconfig: Path, *flags: str
    ) -> subprocess.CompletedProcess[str]:
        """Applies objects with strict field validation, without keeping them.

        What was created a moment ago may not be known yet: the server reads priority classes from a cache, and kubectl
        finds kinds by discovery.
        """
        words = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-", "--output=name"]
        text = yaml.safe_dump_all(objects)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            done = self.kubectl([*words, *flags], kubeconfig, text)
            if time.monotonic() > deadline or not any(one in done.stderr for one in _NOT_KNOWN_YET):
                return done
            time.sleep(0.5)

    def _run(self, name: str, arguments: Sequence[str]) -> None:
        with (self._folder / f"{Path(name).name}.log").open("wb") as log:
            self._processes.append(
                child_processes.start(
                    [self._programs / name, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env={"HOME": str(self._folder)},
                )
            )

    def _wait(self) -> None:
        context = ssl.create_default_context(cafile=authorities.certificate_path(self._folder, _CA))
        context.load_cert_chain(
            authorities.certificate_path(self._folder, _ADMIN.name), authorities.key_path(self._folder, _ADMIN.name)
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            for process in self._processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args!r} ended with status {process.returncode}\n{self._logs()}")
            with contextlib.suppress(OSError), contextlib.closing(self._connection(context)) as connection:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == _OK:
                    return
            time.sleep(0.1)
        raise TimeoutError(f"the API server is not ready after {_START_SECONDS} s\n{self._logs()}")

    def _connection(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(str(LOOPBACK), self._port, timeout=30, context=context)

    def _logs(self) -> str:
        return "\n".join(log.read_text(errors="replace")[-2000:] for log in sorted(self._folder.glob("*.log")))
