"""Dynamic volume provisioning: from a claim to a folder of the machine and back."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_embedded.environment import workspace
from otel_mesh_embedded.node import cluster
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.objects import storage
from tests.e2e.cluster_objects import as_list
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

NAMESPACE = "volume-test"
_WAIT_S = 180


def claim(name: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of a manifest
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": wanted}


def pod(name: str, *claims: str) -> dict[str, Any]:
    """A restricted pod that mounts the claims."""
    image = json.loads(workspace.images_file().read_text())["user-service"]
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "c",
        "image": image,
        "command": ["python3", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
        "securityContext": closed,
        "volumeMounts": [{"name": one, "mountPath": f"/data/{one}"} for one in claims],
    }
    user = {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    volumes = [{"name": one, "persistentVolumeClaim": {"claimName": one}} for one in claims]
    spec = {
        "containers": [container],
        "volumes": volumes,
        "securityContext": user,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def apply(kubectl: Callable[..., str]) -> Iterator[Callable[..., None]]:
    """Create objects in a separate namespace of the test."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    kubectl("apply", "-f", "-", input=json.dumps(namespace))

    def make(*objects: dict[str, Any]) -> None:
        kubectl("apply", "-n", NAMESPACE, "-f", "-", input=as_list(objects))

    yield make
    kubectl("delete", "namespace", NAMESPACE, "--wait=true")


def volume_of(kubectl: Callable[..., str], name: str) -> str:
    return kubectl("get", "pvc", "-n", NAMESPACE, name, "-o", "jsonpath={.spec.volumeName}")


def ready(kubectl: Callable[..., str], name: str) -> None:
    kubectl("wait", "-n", NAMESPACE, f"pod/{name}", "--for=condition=Ready", f"--timeout={_WAIT_S}s")


until = partial(wait_for, patience_s=_WAIT_S, every_s=0.3)


def test_a_claim_is_bound_at_first_use_and_reclaimed_by_its_class(
    apply: Callable[..., None], kubectl: Callable[..., str]
) -> None:
    apply(claim("kept"), claim("scratch", storageClassName=storage.DELETING_CLASS))
    assert {volume_of(kubectl, name) for name in ("kept", "scratch")} == {""}, "nobody has asked for them yet"
    apply(pod("user", "kept", "scratch"))
    ready(kubectl, "user")
    write = "open('/data/kept/x', 'w').write('1'); open('/data/scratch/x', 'w').write('1')"
    kubectl("exec", "-n", NAMESPACE, "user", "--", "python3", "-c", write)
    kept, scratch = (volume_of(kubectl, name) for name in ("kept", "scratch"))
    folder = layout().volumes
    assert [(folder / name / "x").read_text() for name in (kept, scratch)] == ["1", "1"]
    assert kubectl("get", "pv", scratch, "-o", "jsonpath={.spec.capacity.storage}") == "64Mi"

    kubectl("delete", "-n", NAMESPACE, "pod/user", "pvc/kept", "pvc/scratch", "--wait=true")
    until(lambda: scratch not in kubectl("get", "pv", "-o", "name"))
    assert [path.name for path in folder.iterdir() if scratch in path.name] == []
    until(lambda: kubectl("get", "pv", kept, "-o", "jsonpath={.status.phase}") == "Released")
    assert (folder / kept / "x").read_text() == "1"
    kubectl("delete", "pv", kept)
    assert (folder / kept / "x").read_text() == "1", "forgetting a volume does not remove what was to be kept"
    (folder / kept / "x").unlink()
    (folder / kept).rmdir()


@pytest.mark.full
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"accessModes": ["ReadWriteMany"]}, "access mode ReadWriteMany"),
        ({"resources": {"requests": {"storage": "900Ti"}}}, "storage: 900Ti asked for"),
        ({"selector": {"matchLabels": {"a": "b"}}}, "selector: "),
        ({"volumeMode": "Block"}, "does not support block volume"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_unsupported_claim_gets_an_event_with_the_reason(
    apply: Callable[..., None], kubectl: Callable[..., str], wrong: dict[str, Any], said: str
) -> None:
    user = pod("user", "odd")
    if "volumeMode" in wrong:
        (container,) = user["spec"]["containers"]
        container["volumeDevices"] = [{"name": "odd", "devicePath": "/dev/x"}]
        del container["volumeMounts"]
    apply(claim("odd", **wrong), user)
    selected = ("-n", NAMESPACE, "--field-selector=involvedObject.name=odd,reason=ProvisioningFailed", "-o", "json")
    until(lambda: said in kubectl("get", "events", *selected))
    assert volume_of(kubectl, "odd") == ""


@pytest.mark.full
def test_a_repeatedly_killed_provisioner_leaves_one_volume_per_claim(
    apply: Callable[..., None], kubectl: Callable[..., str]
) -> None:
    """Claims are created while the provisioner is killed repeatedly: each ends with one folder and one volume."""
    names = [f"claim-{number}" for number in range(12)]
    before = set(kubectl("get", "pv", "-o", "name").split())
    folders = {path.name for path in layout().volumes.iterdir()}
    for name in names:
        apply(claim(name, storageClassName=storage.DELETING_CLASS), pod(name, name))
        running = [one.pid for one in cluster.status().programs if one.name == storage.PROGRAM and one.pid]
        for pid in running:
            os.kill(pid, signal.SIGKILL)
    for name in names:
        kubectl("wait", "-n", NAMESPACE, f"pod/{name}", "--for=condition=Ready", "--timeout=240s")
    volumes = {volume_of(kubectl, name) for name in names}
    assert len(volumes) == len(names)
    assert set(kubectl("get", "pv", "-o", "name").split()) - before == {f"persistentvolume/{name}" for name in volumes}
    assert {path.name for path in layout().volumes.iterdir()} - folders == volumes
