from __future__ import annotations

import base64
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh_embedded.node import arguments
from otel_mesh_embedded.node.control_plane import encryption, servers
from otel_mesh_embedded.node.layout import LISTENERS, LOOPBACK, NODE_ADDRESS, POD_NETWORK, Layout
from otel_mesh_embedded.node.objects import coredns, manifests, storage
from otel_mesh_embedded.node.programs import Programs
from otel_mesh_embedded.node.workers import agents, runtime
from otel_mesh_embedded.pki import credentials
from otel_mesh_embedded.toolchain.programs import MODULES

if TYPE_CHECKING:
    from otel_mesh_embedded.supervision.registry import Program

PUBLIC = ("0.0.0.0", "::", "[::]")  # noqa: S104 -- what must not be there


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.make_folders()
    credentials.ensure(made)
    encryption.ensure(made)
    return made


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    prefix = tmp_path / "prefix"
    for name in ("usr/bin/containerd", "usr/bin/ctr", "usr/sbin/runc", "usr/lib/cni/bridge", "usr/lib/cni/portmap"):
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).touch()
    return Programs(tmp_path / "tools", prefix, {"PATH": "/usr/bin"})


def flags(program: Program) -> dict[str, str]:
    return dict(item.removeprefix("--").split("=", 1) for item in program.argv[1:])


def every(layout: Layout, programs: Programs) -> list[Program]:
    return [
        arguments.program(layout, programs, "etcd"),
        servers.api_server(layout, programs),
        arguments.program(layout, programs, "kube-controller-manager"),
        servers.scheduler(layout, programs),
        runtime.containerd(layout, programs, "otel-mesh.local/pause:1"),
        agents.kubelet(layout, programs, protects_oom=True),
        agents.proxy(layout, programs, protects_oom=True),
        arguments.program(layout, programs, storage.PROGRAM),
    ]


def test_nothing_listens_where_other_machines_reach_it(layout: Layout, programs: Programs) -> None:
    assert {address for address, _, _ in LISTENERS} == {LOOPBACK, NODE_ADDRESS}
    made = every(layout, programs)
    for program in made:
        assert not [word for word in program.argv if any(word.endswith((f"={bad}", f"//{bad}")) for bad in PUBLIC)]
    for text in (path.read_text() for path in layout.config.iterdir()):
        assert not [bad for bad in PUBLIC if bad in text]


def test_the_api_server_knows_everyone_who_asks(layout: Layout, programs: Programs) -> None:
    given = flags(servers.api_server(layout, programs))
    assert given["anonymous-auth"] == "false"
    assert given["authorization-mode"] == "Node,RBAC"
    assert given["enable-admission-plugins"] == "NodeRestriction"
    assert given["bind-address"] == given["advertise-address"] == str(NODE_ADDRESS)
    assert given["etcd-servers"] == "https://127.0.0.1:16379"
    files = [value for value in given.values() if value.startswith("/")]
    assert len(files) > 10
    assert [value for value in files if not Path(value).is_file()] == []


def test_every_file_that_the_control_plane_is_given_is_there_and_part_of_what_it_depends_on(
    layout: Layout, programs: Programs
) -> None:
    made_by_the_program = {"data-dir", "flex-volume-plugin-dir"}
    for program in every(layout, programs)[:4]:
        named = {
            Path(value)
            for flag, value in flags(program).items()
            if value[:1] == "/" and flag not in made_by_the_program
        }
        assert len(named) >= 5
        assert named == set(program.reads)


def test_secrets_are_encrypted_before_anything_else_is_tried(layout: Layout) -> None:
    (rule,) = yaml.safe_load(encryption.path(layout).read_text())["resources"]
    assert rule["resources"] == ["secrets"]
    first, last = rule["providers"]
    assert len(base64.b64decode(first["secretbox"]["keys"][0]["secret"])) == 32
    assert last == {"identity": {}}


def test_etcd_takes_certificates_only(layout: Layout, programs: Programs) -> None:
    given = flags(arguments.program(layout, programs, "etcd"))
    assert given["client-cert-auth"] == given["peer-client-cert-auth"] == "true"
    assert given["trusted-ca-file"] != str(credentials.authority(layout, credentials.CLUSTER))
    assert given["cert-file"] != given["peer-cert-file"]


def test_no_program_is_given_a_secret_in_its_arguments(layout: Layout, programs: Programs) -> None:
    keys = [path.read_text() for path in layout.pki.glob("*.key")]
    secret = yaml.safe_load(encryption.path(layout).read_text())["resources"][0]["providers"][0]
    needles = [line for key in keys for line in key.splitlines()[1:-1]] + [secret["secretbox"]["keys"][0]["secret"]]
    words = " ".join(word for program in every(layout, programs) for word in program.argv)
    assert not [needle for needle in needles if needle in words]


def test_a_program_is_another_one_when_its_certificate_or_configuration_changes(
    layout: Layout, programs: Programs
) -> None:
    before = [program.stamp() for program in every(layout, programs)]
    assert [program.stamp() for program in every(layout, programs)] == before
    for path in layout.pki.glob("*.crt"):
        path.unlink()
    credentials.ensure(layout)
    after = [program.stamp() for program in every(layout, programs)]
    same = [left == right for left, right in zip(before, after, strict=True)]
    assert same == [False, False, False, False, True, False, False, False]  # containerd has no certificate


def test_kubelet_asks_the_api_server_who_may_use_it(layout: Layout) -> None:
    made = yaml.safe_load(agents.kubelet_configuration(layout, protects_oom=False))
    assert made["authentication"] == {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
    }
    assert made["authorization"] == {"mode": "Webhook"}
    assert made["readOnlyPort"] == 0
    assert made["cgroupRoot"] == "/otel-mesh"
    assert made["oomScoreAdj"] == 0
    assert made["imageGCHighThresholdPercent"] == 100


def test_containerd_keeps_to_its_own_folders(layout: Layout, programs: Programs) -> None:
    text = runtime.configuration(layout, programs, 'odd"name', restrict_oom=True)
    made = tomllib.loads(text)
    cri = made["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["sandbox_image"] == 'odd"name'
    assert cri["restrict_oom_score_adj"] is True
    paths = [
        made["root"],
        made["state"],
        made["grpc"]["address"],
        cri["cni"]["conf_dir"],
        cri["cni"]["bin_dir"],
        cri["containerd"]["runtimes"]["runc"]["options"]["Root"],
        made["plugins"]["io.containerd.internal.v1.opt"]["path"],
    ]
    assert [path for path in paths if not Path(path).is_relative_to(layout.root)] == []


@pytest.mark.parametrize(("mask", "may"), [("000001ffffffffff", True), ("000001fffeffffff", False)])
def test_the_right_to_lower_scores_is_read_from_the_kernel(mask: str, *, may: bool) -> None:
    assert runtime.may_lower_oom_score(f"Name:\tpython\nCapEff:\t{mask}\n") is may


def test_the_pods_network_keeps_its_leases_below_the_state(layout: Layout) -> None:
    made: Any = json.loads(runtime.network_configuration(layout))
    bridge, portmap = made["plugins"]
    assert (bridge["type"], bridge["bridge"], portmap["type"]) == ("bridge", "otelmesh0", "portmap")
    assert bridge["ipam"]["dataDir"] == str(layout.cni_leases)
    assert bridge["ipam"]["ranges"] == [[{"subnet": str(POD_NETWORK), "gateway": str(NODE_ADDRESS)}]]


def test_name_servers_on_loopback_are_not_handed_to_pods() -> None:
    stub = "nameserver 127.0.0.53\noptions edns0\nsearch example.org\n"
    real = "# resolved\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver ::1\nnameserver junk\nnameserver\n"
    assert agents.name_servers([stub, real]) == ["192.0.2.53", "fe80::1%eth0"]
    assert agents.name_servers([stub]) == []


def test_coredns_forwards_only_where_someone_listens() -> None:
    assert "forward . 192.0.2.53" in coredns.corefile(["192.0.2.53"])
    alone = coredns.corefile([])
    assert "forward" not in alone
    assert "loop\n" not in alone
    assert "kubernetes cluster.local" in alone


def test_coredns_is_a_restricted_pod_and_rolls_with_its_configuration() -> None:
    def deployment(servers: list[str]) -> Any:  # noqa: ANN401 -- a manifest
        return next(item for item in coredns.manifests("image", servers) if item["kind"] == "Deployment")

    template = deployment([])["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert template["spec"]["securityContext"]["runAsNonRoot"] is True
    assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert template["metadata"] != deployment(["192.0.2.53"])["spec"]["template"]["metadata"]


def test_one_storage_class_is_the_default_and_keeps_what_is_in_it() -> None:
    classes = [item for item in storage.manifests() if item["kind"] == "StorageClass"]
    mark = "storageclass.kubernetes.io/is-default-class"
    told = {
        item["metadata"]["name"]: (item["metadata"]["annotations"][mark], item["reclaimPolicy"]) for item in classes
    }
    assert told == {"local": ("true", "Retain"), "local-delete": ("false", "Delete")}
    assert {item["volumeBindingMode"] for item in classes} == {"WaitForFirstConsumer"}


def test_the_provisioners_name_is_the_one_in_its_source() -> None:
    source = (MODULES / "kubernetes" / storage.PROGRAM / "main.go").read_text()
    assert f'name = "{storage.PROVISIONER}"' in source


def test_the_cluster_has_no_object_twice() -> None:
    objects = manifests.build(coredns_image="image", name_servers=[])
    keys = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(keys) == len(set(keys))
