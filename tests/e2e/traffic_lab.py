"""A namespace in the mesh with two versions of a server and a client, for tests of traffic policies."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from otel_mesh import ServiceTrafficArgs, Target, TrafficPolicy
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.control.service_traffic import service_traffic_manifests
from tests.e2e.cluster_objects import as_list
from tests.e2e.stack_binding import namespace_like, stack_binding
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from otel_mesh.k8s.manifests import Manifest

PORT: Final = 8080
PATIENCE_S: Final = 60.0
SIGMAS: Final = 5
"""A share that is right is off by more than this once in 1.7 million runs."""

# Answers with its version and the request's headers. /fail fails, /slow?s= waits, /flaky?id= fails once for each id.
_SERVER: Final = """
import json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

seen = {}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        status = 200
        if url.path == "/fail":
            status = 500
        elif url.path == "/slow":
            time.sleep(float(asked["s"]))
        elif url.path == "/flaky":
            seen[asked["id"]] = seen.get(asked["id"], 0) + 1
            status = 503 if seen[asked["id"]] == 1 else 200
        answer = {"version": os.environ["VERSION"], "headers": {k.lower(): v for k, v in self.headers.items()}}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words):
        pass

ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""

# Sends requests, some at a time, and prints status, body and seconds of each.
_CLIENT: Final = """
import json, sys, time, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor

host, many, requests = json.loads(sys.stdin.read())

def send(one):
    request = urllib.request.Request(f"http://{host}{one['path']}", headers=one["headers"], method=one["method"])
    request.add_header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")  # not sampled
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    return [status, body.decode(), time.monotonic() - began]

with ThreadPoolExecutor(many) as pool:
    print(json.dumps(list(pool.map(send, requests))))
"""


@dataclass(frozen=True)
class Answer:
    """An answer to the client."""

    status: int
    """HTTP status."""
    body: str
    """Body as text."""
    seconds: float
    """Time until its last byte."""

    @property
    def version(self) -> str:
        """Version of the server that answered; empty if a proxy did."""
        return str(json.loads(self.body)["version"]) if self.body.startswith("{") else ""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the request as the server got them."""
        found: dict[str, str] = json.loads(self.body)["headers"]
        return found


@dataclass(frozen=True)
class Lab:
    """The namespace."""

    kubectl: Callable[..., str]
    namespace: str
    image: str
    """Image with a Python interpreter."""
    applied: list[Manifest] = field(default_factory=list)
    """Objects of the policy."""

    @property
    def target(self) -> Target:
        """The server, of which ``v1`` is the stable version."""
        return Target(service="server", namespace=self.namespace, port=PORT, version="v1", versions=("v2",))

    def apply(self, policy: Mapping[str, Any]) -> None:
        """Put a policy in the place of the one before."""
        settings = TrafficPolicy.model_validate(policy)
        args = ServiceTrafficArgs(target=self.target, mesh=stack_binding())
        made = service_traffic_manifests(args, settings)
        kept = {(one["kind"], one["metadata"]["name"]) for one in made}
        if gone := [one for one in self.applied if (one["kind"], one["metadata"]["name"]) not in kept]:
            self.kubectl("delete", "-f", "-", input=as_list(gone))
        if made:
            self.put(made)
        self.applied[:] = made
        annotations = renderer(args.mesh).service_annotations(settings)
        before = json.loads(self.kubectl("-n", self.namespace, "get", "service", "server", "-o", "json"))["metadata"]
        removed = [f"{key}-" for key in before["annotations"] if key.startswith("balancer.") and key not in annotations]
        if words := [*(f"{key}={value}" for key, value in annotations.items()), *removed]:
            self.kubectl("-n", self.namespace, "annotate", "--overwrite", "service", "server", *words)

    def put(self, objects: Sequence[Manifest]) -> None:
        """Create or replace objects."""
        words = ("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-")
        self.kubectl(*words, input=as_list(objects))

    def ask(
        self, *, path: str = "/", method: str = "GET", times: int = 1, many: int = 1, **headers: str
    ) -> list[Answer]:
        """Answers to requests, ``many`` at a time; underscores in names of headers stand for dashes."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        paths = [path.replace("{}", secrets.token_hex(4)) for _ in range(times)]
        wanted = [{"path": one, "method": method, "headers": own} for one in paths]
        text = json.dumps([f"server.{self.namespace}:{PORT}", many, wanted])
        words = ("exec", "-i", "deploy/client", "-c", "client", "--", "python", "-c", _CLIENT)
        return [Answer(*one) for one in json.loads(self.kubectl("-n", self.namespace, *words, input=text))]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the proxies have a policy."""
        wait_for(condition, lambda: "the policy has no effect", patience_s=PATIENCE_S, every_s=0.5)

    def statistic(self, pattern: str) -> int:
        """Sum of the client's Envoy statistics whose name has a text."""
        words = ("exec", "deploy/client", "-c", "istio-proxy", "--", "pilot-agent", "request", "GET", "stats")
        lines = self.kubectl("-n", self.namespace, *words).splitlines()
        values = (line.rpartition(": ")[2] for line in lines if pattern in line and "server" in line)
        return sum(int(value) for value in values if value.isdigit())


@contextmanager
def lab(kubectl: Callable[..., str], like: str) -> Iterator[Lab]:
    """A namespace with the same labels and pod security as another.

    Args:
        kubectl: Runs kubectl.
        like: Namespace of services in the mesh.
    """
    namespace = f"traffic-{secrets.token_hex(3)}"
    pods = json.loads(kubectl("get", "pods", "-n", like, "-l", "app=user-service", "-o", "json"))["items"]
    space = namespace_like(kubectl, like, namespace, default_inbound_policy="all-authenticated")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server", "namespace": namespace},
        "spec": {"selector": {"app": "server"}, "ports": [{"name": "http", "port": PORT, "appProtocol": "http"}]},
    }
    servers = [
        _deployment(f"server-{name}", namespace, pods[0], _SERVER, app="server", version=name) for name in ("v1", "v2")
    ]
    client = _deployment("client", namespace, pods[0], None, app="client", version="v1")
    try:
        kubectl("apply", "-f", "-", input=as_list([space, service, *servers, client]))
        for name in ("server-v1", "server-v2", "client"):
            kubectl("-n", namespace, "rollout", "status", f"deploy/{name}", "--timeout=180s")
        yield Lab(kubectl, namespace, image=_image(pods[0]))
    finally:
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def _image(pod: Mapping[str, Any]) -> str:
    return next(str(one["image"]) for one in pod["spec"]["containers"] if one["name"] == "user-service")


def _deployment(name: str, namespace: str, pod: Mapping[str, Any], program: str | None, **labels: str) -> Manifest:
    command: Sequence[str] = ["python", "-c", program] if program else ["sleep", "3600"]
    statistics = "proxyStatsMatcher: {inclusionRegexps: ['.*outlier_detection.*', '.*upstream_rq_.*overflow.*']}"
    container: dict[str, Any] = {
        "name": labels["app"],
        "image": _image(pod),
        "command": command,
        "env": [{"name": "VERSION", "value": labels["version"]}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if program:
        container["readinessProbe"] = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    template = {
        "metadata": {
            "labels": {**labels, "app.kubernetes.io/name": labels["app"]},
            "annotations": {"proxy.istio.io/config": statistics},
        },
        "spec": {
            "securityContext": pod["spec"]["securityContext"],
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }
    selector = {"matchLabels": {"app": labels["app"], "version": labels["version"]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "template": template},
    }


def is_share(number: int, of: int, share: float, sigmas: float = SIGMAS) -> bool:
    """Whether a number is what a share of independent requests gives."""
    return abs(number - of * share) <= sigmas * sqrt(of * share * (1 - share))
