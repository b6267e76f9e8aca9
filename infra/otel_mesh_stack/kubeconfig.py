"""The contexts of the kubeconfig, read like kubectl does."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from otel_mesh import InvalidSettingsError, Problem, nearest


def files() -> list[Path]:
    """The files listed in KUBECONFIG, or the default file."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part) for part in named] or [Path.home() / ".kube" / "config"]


def require_context(context: str, path: str) -> None:
    """Rejects an unknown context; the provider would only warn, and plan as for an empty cluster.

    Args:
        context: Context in the stack's settings.
        path: Path of the setting, for the message.

    Raises:
        InvalidSettingsError: The context does not exist, or a kubeconfig is not readable.
    """
    known: set[str] = set()
    places = files()
    for place in places:
        known |= _contexts(place, path)
    if context not in known:
        where = os.pathsep.join(str(place) for place in places)
        reason = f"no context '{context}' in {where}"
        remedy = nearest(context, known) if known else "set KUBECONFIG to the cluster's kubeconfig"
        raise InvalidSettingsError([Problem(path, reason, remedy)])


def _contexts(place: Path, path: str) -> set[str]:
    try:
        content = yaml.safe_load(place.read_text())
    except FileNotFoundError:
        return set()  # like kubectl
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = Problem(path, f"{place}: not a readable kubeconfig ({type(error).__name__})", "set KUBECONFIG")
        raise InvalidSettingsError([problem]) from None
    entries = content.get("contexts") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return set()
    return {str(entry["name"]) for entry in entries if isinstance(entry, dict) and "name" in entry}
