"""Enforcement of NetworkPolicies on the node: its program, its rights, and what it leaves behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_mesh_embedded import packages, toolchain
from otel_mesh_embedded.node.layout import NODE_NAME, SERVICE_NETWORK, Layout
from otel_mesh_embedded.node.network import policies
from otel_mesh_embedded.node.programs import Programs
from otel_mesh_embedded.pki import credentials
from otel_mesh_embedded.toolchain.programs import GROUPS, MODULES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

IPSET = """#!/bin/sh
state={state}
case "$1" in
  list) ls $state ;;
  destroy) rm $state/$2 ;;
esac
"""


def prefix_with_ipset(folder: Path, *names: str) -> Path:
    """A prefix with a program in place of ipset, whose sets are files."""
    prefix, state = folder / "prefix", folder / "sets"
    (prefix / "usr" / "sbin").mkdir(parents=True)
    state.mkdir()
    for name in names:
        (state / name).touch()
    program = prefix / "usr" / "sbin" / "ipset"
    program.write_text(IPSET.format(state=state))
    program.chmod(0o755)
    return prefix


def test_only_the_program_s_own_sets_are_listed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = prefix_with_ipset(tmp_path, "KUBE-SRC-A", "KUBE-DST-B", "TMP-C", "fail2ban")
    monkeypatch.setattr(packages, "here", lambda _: prefix)
    environment = {"PATH": os.environ["PATH"]}
    assert sorted(policies.sets(environment)) == ["KUBE-DST-B", "KUBE-SRC-A", "TMP-C"]
    policies.remove_sets(environment)
    assert policies.sets(environment) == []
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["fail2ban"]


def test_a_machine_on_which_it_never_ran_has_no_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "here", lambda _: None)
    assert policies.sets({}) == []
    policies.remove_sets({})


def test_the_program_knows_node_services_and_its_own_ipset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = prefix_with_ipset(tmp_path)
    monkeypatch.setattr(packages, "ensure", lambda _: prefix)
    monkeypatch.setattr(toolchain, "folder", lambda _: tmp_path)
    base = {"PATH": "/node/bin", "LD_LIBRARY_PATH": "/node/lib", "LANG": "C.UTF-8"}
    program = policies.program(Layout(tmp_path), Programs(tmp_path, tmp_path, base))
    assert program.argv[0] == str(tmp_path / policies.PROGRAM)
    assert f"--node={NODE_NAME}" in program.argv
    assert f"--service-cluster-ip-range={SERVICE_NETWORK}" in program.argv
    assert program.environment["PATH"] == f"/node/bin:{prefix}/usr/sbin", "the node's own iptables comes first"
    assert program.environment["LANG"] == "C.UTF-8"


def test_it_reads_what_it_enforces_and_changes_nothing() -> None:
    role, binding = policies.manifests()
    rights = {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
    reads = {"list", "watch"}
    assert rights == {"pods": reads, "namespaces": reads, "networkpolicies": reads, "nodes": {"get"}}
    assert binding["subjects"][0]["name"] == credentials.NETWORK_POLICIES.common_name


def test_it_is_built_from_the_controller_alone() -> None:
    assert policies.PROGRAM in GROUPS["node"]
    source = (MODULES / policies.PROGRAM / "main.go").read_text()
    assert "pkg/controllers/netpol" in source
    assert "pkg/cmd" not in source, "its own program compiles a BGP router and a service proxy"
