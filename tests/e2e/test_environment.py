"""S2.3: guarantees of the environment to its users: addresses, settings, secrecy, idempotence."""

from __future__ import annotations

import json
import os
import stat
import time
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from otel_mesh_cli.core import secrets
from otel_mesh_cli.core.paths import state_dir
from otel_mesh_cli.stacks import sidecars
from otel_mesh_cli.stacks.addresses import ADDRESSES, GATEWAY, LOGS, Address
from otel_mesh_cli.stacks.shell import export_lines
from otel_mesh_embedded.node import cluster
from otel_mesh_embedded.node.layout import NODE_ADDRESS
from tests.e2e import node_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from subprocess import CompletedProcess

pytestmark = pytest.mark.e2e


def own_files(folder: Path) -> Iterator[Path]:
    """Regular files of this environment, without mounts (pods' secrets, roots) and images."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if "containerd" not in name and not Path(place, name).is_mount()]
        yield from (path for name in names if (path := Path(place, name)).is_file() and not path.is_symlink())


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.name)
def test_an_address_answers_again_within_5_s_after_its_pod_was_deleted(
    address: Address, http: httpx.Client, kubectl: Callable[..., str]
) -> None:
    url = f"{address.url}{address.ready_path}"
    assert http.get(url).status_code == HTTPStatus.OK
    selector = f"app.kubernetes.io/name={address.place.name}"
    kubectl("delete", "pod", "-n", address.place.namespace, "-l", selector, "--wait=true")
    gone = time.monotonic()
    while True:
        try:
            if http.get(url, timeout=2).status_code == HTTPStatus.OK:
                break
        except httpx.HTTPError:
            pass  # what is being waited out
        assert time.monotonic() - gone < 5, url
        time.sleep(0.1)


def test_the_shell_environment_holds_no_secret_and_names_existing_files(settings: Mapping[str, str]) -> None:
    text = export_lines(settings)
    for name in secrets.NAMES:
        assert (secrets.secrets_dir() / name).read_text() not in text
    for name in ("KUBECONFIG", "PULUMI_CONFIG_PASSPHRASE_FILE", "OTEL_MESH_IMAGES_FILE", "OTEL_MESH_SECRETS_DIR"):
        assert Path(settings[name]).exists(), name
    assert settings["GATEWAY_URL"] == GATEWAY.url


def test_the_secrets_are_in_no_state_log_argument_or_answer_in_plain(
    run: Callable[..., CompletedProcess[str]], pods: Callable[[], list[dict[str, Any]]]
) -> None:
    values = [(secrets.secrets_dir() / name).read_bytes() for name in secrets.NAMES]
    looked_at = 0
    for folder in ("pulumi/backend", "pulumi/project", "logs", "node"):
        for path in own_files(state_dir() / folder):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # its program removed it meanwhile
            looked_at += 1
            assert not any(value in content for value in values), path
    assert looked_at > 20
    for process in psutil.process_iter(["cmdline"]):
        arguments = "\0".join(process.info["cmdline"] or []).encode()
        assert not any(value in arguments for value in values), process
    outputs = [run("make", "-s", target).stdout for target in ("env", "status")]
    outputs += [
        run("kubectl", "logs", "-n", pod["metadata"]["namespace"], pod["metadata"]["name"], "--all-containers").stdout
        for pod in pods()
    ]
    outputs.append(run("pulumi", "stack", "export").stdout)
    outputs.append(run("pulumi", "preview", "--diff").stdout)
    assert all(outputs)
    assert not any(value.decode() in output for value in values for output in outputs)


def test_the_whole_environment_fits_into_6_gib() -> None:
    """Memory of pods and the node's programs, page cache included; the Pulumi engine runs only during updates."""
    assert 0 < cluster.status().memory < 6 * 2**30


def test_a_command_leaves_no_temporary_file_with_the_clusters_keys(
    run: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    """The Kubernetes provider writes the kubeconfig to one and never removes it."""
    done = run(".venv/bin/otel-mesh", "preview", env={"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert [*tmp_path.iterdir(), *(state_dir() / "pulumi").glob("tmp-*")] == []


def test_keys_and_secrets_are_readable_by_their_owner_only() -> None:
    keys = [path for path in own_files(state_dir()) if path.suffix == ".key"]
    assert keys
    for path in [*keys, state_dir() / "kubeconfig", *secrets.secrets_dir().iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_nothing_listens_outside_this_machine() -> None:
    """Loopback, or the bridge's own address, which no packet from outside the machine reaches."""
    ours = node_processes.process_ids()
    assert ours
    listeners = [
        connection.laddr[0]
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.pid in ours and connection.laddr
    ]
    assert listeners
    for address in map(ip_address, listeners):
        assert address.is_loopback or str(address) == str(NODE_ADDRESS)


def test_workload_namespaces_enforce_restricted_pod_security(
    run: Callable[..., CompletedProcess[str]],
) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "c", "image": "x", "securityContext": {"privileged": True}}]},
    }
    for namespace in ("observability", "shop"):
        done = run("kubectl", "apply", "-n", namespace, "--dry-run=server", "-f", "-", input=json.dumps(pod))
        assert done.returncode != 0
        assert 'violates PodSecurity "restricted' in done.stderr


def test_pods_run_unprivileged_with_a_read_only_root(pods: Callable[[], list[dict[str, Any]]]) -> None:
    running = pods()
    assert len(running) >= 6
    for pod in running:
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            context = container["securityContext"]
            where = f"{pod['metadata']['name']}/{container['name']}"
            assert context["readOnlyRootFilesystem"] is True, where
            assert context["allowPrivilegeEscalation"] is False, where
            assert container["resources"]["limits"]["memory"], where
        for container in pod["spec"]["containers"]:
            if container["name"] != sidecars.PROXY:  # injected by the mesh
                where = f"{pod['metadata']['name']}/{container['name']}"
                assert {"readinessProbe", "livenessProbe"} <= container.keys(), where
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_make_up_again_changes_nothing(
    run: Callable[..., CompletedProcess[str]], pods: Callable[[], list[dict[str, Any]]]
) -> None:
    def identities() -> set[tuple[str, int]]:
        return {
            (pod["metadata"]["uid"], sum(status["restartCount"] for status in pod["status"]["containerStatuses"]))
            for pod in pods()
        }

    before, processes = identities(), node_processes.process_ids()
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "api-gateway  GET /api/users/{id}" in done.stdout
    assert identities() == before
    assert node_processes.process_ids() == processes
    assert run("pulumi", "preview", "--expect-no-changes").returncode == 0


def test_status_fits_one_screen_and_is_accurate(run: Callable[..., CompletedProcess[str]]) -> None:
    done = run("make", "-s", "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) <= 40
    names = ("api-gateway", "user-service", "otel-collector", "jaeger", "victoria-logs", "prometheus", "postgres")
    for word in (*names, GATEWAY.url, LOGS.page):
        assert word in done.stdout, word
