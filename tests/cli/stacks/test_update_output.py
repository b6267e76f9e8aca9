from __future__ import annotations

import pytest

from otel_mesh_cli.stacks import update

FAILED = """\
@ updating....
 +  kubernetes:apps/v1:Deployment jaeger **creating failed** error: 1 error occurred:
Diagnostics:
  pulumi:pulumi:Stack (otel-mesh-local):
    error: update failed

  kubernetes:apps/v1:Deployment (user-service):
    error: 2 errors occurred:
    \t* the Kubernetes API server reported that it failed to fully initialize or become live
    \t* [Pod shop/user-service-1]: containers with unready status: [user-service][ImagePullBackOff] Back-off

Resources:
    + 3 created
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (" +  kubernetes:core/v1:ConfigMap jaeger created (0.25s) ", "created ConfigMap jaeger"),
        (" ~  kubernetes:apps/v1:Deployment jaeger updated (2s) ", "updated Deployment jaeger"),
        (" ++ kubernetes:apps/v1:StatefulSet postgres created (3s) ", "created StatefulSet postgres"),
        (" -- kubernetes:apps/v1:StatefulSet postgres deleted (0.1s) ", "deleted StatefulSet postgres"),
        (
            " +  kubernetes:apps/v1:Deployment jaeger creating (20s) warning: [Pod x]: containers with unready status",
            "creating Deployment jaeger, 20 s so far",
        ),
        (" +  kubernetes:apps/v1:Deployment jaeger creating (0s) ", None),
        (" +  kubernetes:apps/v1:Deployment jaeger creating (13s) ", None),
        (" +  otel-mesh:index:Jaeger jaeger created (1s) ", None),
        (" +  pulumi:pulumi:Stack otel-mesh-local creating (0s) ", None),
        ("@ updating....", None),
        ("", None),
    ],
)
def test_a_line_of_the_engine_says_what_is_done_or_waited_for(line: str, expected: str | None) -> None:
    assert update.summarized(line) == expected


def test_the_reason_of_a_failed_update_is_its_first_error_on_one_line() -> None:
    told = update.reason(FAILED)
    assert "\n" not in told
    assert told.startswith("2 errors occurred: * the Kubernetes API server reported")
    assert "ImagePullBackOff" in told


def test_the_reason_is_not_what_the_end_of_the_update_did_to_others() -> None:
    ended = "    error: Chart resource 'istio-cni' has a problem: grpc: the client connection is closing"
    assert update.reason(FAILED.replace("    error: update failed", ended)) == update.reason(FAILED)


def test_an_output_without_an_error_gives_its_last_line() -> None:
    assert update.reason("a\n\n  the end \n\n") == "the end"
    assert update.reason("") == "no output"


def test_the_history_gives_the_newest_updates_numbers() -> None:
    assert update.counts('[{"version": 2, "resourceChanges": {"same": 42}}]') == {"same": 42}
    assert update.counts('[{"version": 1}]') == {}
    assert update.counts("[]") == {}
