"""Helm charts as resources."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi


def helm_chart(  # noqa: PLR0913 - what distinguishes the charts
    owner: str,
    chart: str,
    namespace: str,
    *,
    values: Mapping[str, Any],
    source: Mapping[str, str],
    options: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """A chart of a component.

    Args:
        owner: Name of the component.
        chart: Name of the chart, and of its release.
        namespace: Namespace of the release.
        values: Values of the chart.
        source: ``chart``, a folder or a name, and, if it has to be fetched, ``version`` and ``repository``.
        options: Options of the resource.
    """
    helm = importlib.import_module("pulumi_kubernetes.helm.v4")  # when it is used: it takes a second
    found: dict[str, Any] = dict(source)
    if "repository" in found:
        found["repository_opts"] = helm.RepositoryOptsArgs(repo=found.pop("repository"))
    made: pulumi.Resource = helm.Chart(
        f"{owner}-{chart}", name=chart, namespace=namespace, values=dict(values), opts=options, **found
    )
    return made
