"""Where the policy that decides about a change is read: the base, or the checkout."""

from __future__ import annotations

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.review import policy, sides
from otel_mesh_cli.review.acceptance import Terms


def read(reference: str | None, labels: str) -> Terms | None:
    """The policy that decides about a change; None if the repository has none.

    The base's policy counts: a change does not decide which label it needs itself. Where the base has none, it is the
    checkout's.

    Args:
        reference: Commit of the base; None if the base is no commit.
        labels: Labels of the pull request, as of `otel_mesh_cli.review.policy.listed`.

    Raises:
        CommandError: A policy or the labels are wrong.
    """
    given = policy.listed(labels)
    proposed = policy.of_checkout()
    text = sides.content(reference, policy.FILE) if reference is not None else None
    if text is not None and reference is not None:
        base = policy.parsed(text, f"{policy.FILE} of {reference}")
        return Terms(base, reference, given, is_edited=base != proposed)
    return None if proposed is None else Terms(proposed, "the checkout", given)


def require(found: Terms | None) -> None:
    """Refuse to judge by a policy that the repository does not have.

    Raises:
        CommandError: There is none.
    """
    if found is None:
        remedy = "add it, see docs/review.md, or use --fail-on severe"
        raise CommandError(f"--fail-on policy: neither the base nor the checkout has {policy.FILE}", remedy=remedy)
