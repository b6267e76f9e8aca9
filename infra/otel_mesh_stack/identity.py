"""The identity of a stack's cluster: the UID of the namespace ``kube-system``, which lives as long as the cluster.

The name of a context does not identify a cluster: any kubeconfig can reuse it. The first update records the UID in the
stack's state; every later preview and update compares it.
"""

from __future__ import annotations

import os
from typing import Final

import pulumi
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from otel_mesh import InvalidSettingsError, Problem
from otel_mesh_stack import kubeconfig
from otel_mesh_stack.refusal import refusal

_NAMESPACE: Final = "kube-system"
_TIMEOUT_SECONDS: Final = (5, 10)
_PATH: Final = "cluster.context"


def read_uid(context: str) -> str:
    """The UID of a context's cluster.

    Args:
        context: Context of the kubeconfig.

    Raises:
        InvalidSettingsError: The cluster does not answer, or rejects the credentials.
    """
    try:
        with api_client(context) as api:
            found = client.CoreV1Api(api).read_namespace(_NAMESPACE, _request_timeout=_TIMEOUT_SECONDS)
    except client.ApiException as error:
        if not error.status:  # the client's own form of a failed handshake
            reason = f"the server of context '{context}' has a certificate that is not the kubeconfig's"
            remedy = "mend the kubeconfig: its server is another cluster's, or its certificate authority is"
        else:
            reason = f"the cluster of context '{context}' refused to tell who it is ({error.status} {error.reason})"
            remedy = f"use credentials that may read the namespace {_NAMESPACE}"
    except (HTTPError, OSError) as error:
        reason = f"the cluster of context '{context}' doesn't answer ({_cause(error)})"
        remedy = "start it, or mend the context"
    except config.ConfigException as error:
        reason = f"context '{context}' can't be used ({_one_line(error)})"
        remedy = "mend the kubeconfig"
    else:
        return str(found.metadata.uid) if found.metadata else ""
    raise InvalidSettingsError([Problem(_PATH, reason, remedy)])


def api_client(context: str) -> client.ApiClient:
    """A client of a context's cluster that does not repeat failed requests.

    Args:
        context: Context of the kubeconfig.
    """
    configuration = client.Configuration()
    configuration.retries = False
    files = os.pathsep.join(str(place) for place in kubeconfig.files())
    config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=files, context=context, client_configuration=configuration
    )
    return client.ApiClient(configuration)


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, BaseException) else error).__name__


def _one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]


def require_named(uid: str, named: str | None, context: str) -> None:
    """Rejects a cluster that is not the one named in the stack's file.

    Args:
        uid: UID of the cluster that answers.
        named: UID in the stack's file; None if it has none.
        context: Context of the kubeconfig.

    Raises:
        InvalidSettingsError: The UIDs differ.
    """
    if named is not None and uid != named:
        reason = f"names {named}, but context '{context}' leads to {uid}"
        raise InvalidSettingsError([Problem("cluster.uid", reason, "choose the context of the stack's own cluster")])


def recorded(uid: str, context: str) -> pulumi.Output[str]:
    """Records the cluster's UID with the stack's first update, and compares it with every later one.

    Args:
        uid: UID of the cluster that answers.
        context: Context of the kubeconfig.

    Returns:
        The context, known once its cluster is verified as the stack's. For any other cluster the program fails.
    """
    first = pulumi.Stash("cluster-uid", input=uid, opts=pulumi.ResourceOptions(ignore_changes=["input"])).output

    def compare(known: str) -> str:
        if known == uid:
            return context
        reason = f"'{context}' leads to another cluster ({uid}) than the one that the stack was deployed to ({known})"
        remedy = (
            "choose that cluster's context; if it is gone for good, remove the stack's state "
            "(pulumi stack rm --force) and deploy anew"
        )
        raise refusal([Problem(_PATH, reason, remedy)])

    return first.apply(compare)
