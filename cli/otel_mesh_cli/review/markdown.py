"""The report as a comment in Markdown, for a pull request."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh.check.callers import ANYONE
from otel_mesh.check.findings import Severity
from otel_mesh_cli.review import acceptance
from otel_mesh_cli.review.graph import picture
from otel_mesh_cli.review.kinds import grouped
from otel_mesh_cli.review.objects import Action
from otel_mesh_cli.review.risk_table import cell, code, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_cli.review.objects import Change, Manifest
    from otel_mesh_cli.review.report import Report
    from otel_mesh_cli.review.transport import Route

MARK: Final = "<!-- otel-mesh {name}: {stack} -->"
"""First line of a comment: the next report on the same stack replaces the comment that has it."""
_HIDDEN: Final = "(not shown)"
_APPLIED: Final = "/last-applied-configuration"
"""End of the names of annotations with a whole object in them."""
_CONTEXT: Final = 3
_MOST_OPEN: Final = 10
"""Longest table that is not folded, in rows."""
_FOLDED: Final = (Action.REPLACE, Action.DELETE, Action.UPDATE, Action.CREATE)
"""Order of the folds: what a comment may have no room for comes last."""


def comment(report: Report) -> str:
    """The report as a comment, whole: `otel-mesh publish` fits it into the limit of a code host.

    Args:
        report: The report.
    """
    order = {action: place for place, action in enumerate(_FOLDED)}
    changes = sorted(report.changes, key=lambda one: order[one.action])
    return "\n\n".join([*_head(report), *map(_fold, changes), _footer(report)]) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield MARK.format(name=report.NAME, stack=report.stack)
    yield f"### otel-mesh {report.NAME}: stack `{report.stack}`"
    yield f"**{report.verdict}**"
    if report.severe:
        rows = len(grouped(report.severe))
        have = "1 risk below has" if rows == 1 else f"{rows} of the risks below have"
        yield f"> [!WARNING]\n> {have} to be accepted on purpose."
    if labels := acceptance.text(report):
        yield labels
    graph = picture(report.before.version, report.after.version, report.risks)
    folds = (_calls(report), _traffic(report), _routes(report), _observed(report), _findings(report))
    yield from (one for one in (table(report), graph, *folds) if one)
    yield (
        "<details><summary>Not checked</summary>\n\n"
        + "\n".join(f"- {one}" for one in report.unchecked)
        + "\n\n</details>"
    )
    if report.changes:
        yield f"#### Objects: {report.totals}"


def _calls(report: Report) -> str:
    """Who may call whom: the calls that differ."""
    old, new = report.before.version.calls, report.after.version.calls
    rows = sorted((call, "gained" if call in new else "lost") for call in old ^ new)
    if not rows:
        return ""
    body = [
        f"| {what} | {code(call.caller)} | {code(call.callee)} | {cell(call.what or 'all')} |" for call, what in rows
    ]
    kept = len([call for call in old & new if call.caller != ANYONE])
    differ = "1 call differs" if len(rows) == 1 else f"{len(rows)} calls differ"
    state = " open" if len(rows) <= _MOST_OPEN else ""
    title = f"<details{state}><summary>Who may call whom: {differ}, {kept} stay</summary>"
    header = ["| | caller | callee | requests |", "|---|---|---|---|"]
    return "\n".join([title, "", *header, *body, "", "</details>"])


def _traffic(report: Report) -> str:
    """Observed calls that the proposed policies refuse."""
    if report.traffic is None:
        return ""
    replay, already = report.traffic.replay, report.traffic.already
    title = f"{len(report.refused)} of {replay.compared} pairs would be refused by the change"
    body = [
        f"| {'the base too' if (one.caller, one.callee) in already else 'the change'} | {code(one.caller)}"
        f" | {code(one.callee)} | {one.calls:.0f} | {one.last_seen or 'unknown'} | {cell(one.reason)} |"
        for one in replay.refused
    ]
    header = (
        ["| refused by | caller | callee | answered calls | last | why |", "|---|---|---|---|---|---|"] if body else []
    )
    others = (
        ("Not judged, since not both are among the objects", replay.unjudged),
        ("Refused by the proposed policies too, but none of these calls was answered", replay.unanswered),
    )
    rest = []
    for what, pairs in others:
        if pairs:
            rest += ["", f"{what}: {cell(', '.join(f'{caller} -> {callee}' for caller, callee in pairs))}."]
    summary = f"<details open><summary>Calls of the last {replay.since}: {title}</summary>"
    return "\n".join([summary, "", *header, *body, *rest, "", "</details>"])


def _routes(report: Report) -> str:
    """Where requests go: the rules that differ."""
    old, new = set(report.before.version.routes), set(report.after.version.routes)
    rows = [("before", one) for one in report.before.version.routes if one not in new]
    rows += [("after", one) for one in report.after.version.routes if one not in old]
    if not rows:
        return ""
    body = [
        f"| {side} | {code(one.owner)} | {cell(one.match or 'all others')} | {cell(one.where)} | {_fault(one)}"
        f" | {one.attempts} | {one.timeout or '-'} |"
        for side, one in rows
    ]
    header = ["| | route | requests | to | fault | retries | timeout |", "|---|---|---|---|---|---|---|"]
    return "\n".join(["<details open><summary>Where requests go</summary>", "", *header, *body, "", "</details>"])


def _fault(route: Route) -> str:
    return f"{route.fault}, to end on {route.ends}" if route.fault and route.ends else route.fault or "-"


def _observed(report: Report) -> str:
    """What is observed: sampling and pipelines that differ."""
    before, after = report.before.version, report.after.version
    rows = [
        *_differing(before.sampling, after.sampling, "sampling of "),
        *_differing(before.pipelines, after.pipelines, "pipeline "),
    ]
    if not rows:
        return ""
    header = ["| what | before | after |", "|---|---|---|"]
    return "\n".join(["<details open><summary>What is observed</summary>", "", *header, *rows, "", "</details>"])


def _findings(report: Report) -> str:
    """What the offline checks find that they do not find in the base; the base's own by their number."""
    found = report.findings
    others = f"{found.kept} of the base stay, {found.resolved} of the base are resolved"
    if not found.introduced:
        return f"Checks: nothing new; {others}." if found.kept or found.resolved else ""
    body = [
        f"| {one.severity.value} | {one.code.id} | {code(str(one.object))} | {code(one.path)} | {cell(one.message)}"
        f" | {cell(one.why)} | {cell(one.remedy)} |"
        for one in found.introduced
    ]
    state = " open" if any(one.severity is not Severity.INFO for one in found.introduced) else ""
    title = f"<details{state}><summary>Checks: {len(found.introduced)} new; {others}</summary>"
    header = ["| | code | object | field | found | so | remedy |", "|---|---|---|---|---|---|---|"]
    return "\n".join([title, "", *header, *body, "", "</details>"])


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"| {prefix}{code(name)} | {_words(before.get(name))} | {_words(after.get(name))} |"


def _words(value: object) -> str:
    if value is None:
        return "-"
    return ", ".join(value) if isinstance(value, tuple) else f"{value:g} %" if isinstance(value, float) else str(value)


def _fold(change: Change) -> str:
    before, after = ([] if side is None else _text(side) for side in (change.before, change.after))
    diff = "\n".join(list(difflib.unified_diff(before, after, lineterm="", n=_CONTEXT))[2:])
    return f"<details><summary>{change.action.value}: {change.key}</summary>\n\n````diff\n{diff}\n````\n\n</details>"


def _text(manifest: Manifest) -> list[str]:
    shown = dict(manifest)
    if manifest["kind"] == "Secret":
        for name in ("data", "stringData"):
            if name in shown:
                shown[name] = dict.fromkeys(shown[name], _HIDDEN) if isinstance(shown[name], dict) else _HIDDEN
        if notes := manifest["metadata"].get("annotations"):
            # `kubectl apply` leaves the whole object in one
            hidden = {name: _HIDDEN if name.endswith(_APPLIED) else one for name, one in notes.items()}
            shown["metadata"] = {**manifest["metadata"], "annotations": hidden}
    return yaml.dump(shown, Dumper=_Dumper, sort_keys=True, width=1000, allow_unicode=True).splitlines()


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as lines, so that a diff shows those that differ."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's signature
        """True: what stands at two places is written at both."""
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent)


def _footer(report: Report) -> str:
    compared = f"`{report.before.name}` with `{report.after.name}`"
    if report.after.date:
        compared += f", commit of {report.after.date[:16].replace('T', ' ')} UTC"
    return f"---\nCompared {compared}. This comment is updated with every push. Run it yourself: `{report.command}`"
