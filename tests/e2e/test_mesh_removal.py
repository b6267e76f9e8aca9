"""Istio's removal and return, and what its control plane changes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.meshed_pods import until_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

QUIETLY = ("--yes", "--skip-preview", "--non-interactive")


def test_changes_by_istiod_to_its_own_webhooks_are_not_drift(run: Callable[..., CompletedProcess[str]]) -> None:
    done = run("pulumi", "up", "--refresh", "--expect-no-changes", *QUIETLY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_destroy_completes_and_keeps_the_definitions_and_up_restores_everything(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    groups = (".istio.io", ".gateway.networking.k8s.io")
    definitions = [name for name in kubectl("get", "crd", "-o", "name").split() if name.endswith(groups)]
    for name in ("virtualservices.networking.istio.io", "httproutes.gateway.networking.k8s.io"):
        assert f"customresourcedefinition.apiextensions.k8s.io/{name}" in definitions
    done = run("pulumi", "destroy", *QUIETLY, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stay in the cluster" in done.stdout
    assert "delete crd" in done.stdout
    left = kubectl("get", "crd", "-o", "name").split()
    assert [name for name in definitions if name not in left] == []
    gone = kubectl("get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name")
    assert "istio" not in gone
    namespaces = kubectl("get", "namespaces", "-o", "name").split()
    assert {"namespace/shop", "namespace/istio-system", "namespace/istio-cni"}.isdisjoint(namespaces)
    done = run("make", "up", timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    until_whole(kubectl)
