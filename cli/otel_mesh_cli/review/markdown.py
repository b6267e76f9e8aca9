"""The report as a comment in Markdown, for a pull request."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh.check.callers import ANYONE
from otel_mesh.check.findings import Severity
from otel_mesh_cli.review import acceptance, origins
from otel_mesh_cli.review.graph import mermaid
from otel_mesh_cli.review.kinds import SEVERE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_cli.review.objects import Change, Manifest
    from otel_mesh_cli.review.report import Report

MARK: Final = "<!-- otel-mesh {name}: {stack} -->"
"""First line of a comment: the next report on the same stack replaces the comment that has it."""
_HIDDEN: Final = "(not shown)"
_CONTEXT: Final = 3


def comment(report: Report) -> str:
    """The report as a comment, whole: `otel-mesh publish` fits it into the limit of a code host.

    Args:
        report: The report.
    """
    return "\n\n".join([*_head(report), *map(_fold, report.changes), _footer(report)]) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield MARK.format(name=report.NAME, stack=report.stack)
    yield f"### otel-mesh {report.NAME}: stack `{report.stack}`"
    yield f"**{report.verdict}**"
    if report.severe:
        yield f"> [!WARNING]\n> {len(report.severe)} of the risks below have to be accepted on purpose."
    if labels := acceptance.text(report):
        yield labels
    if report.risks:
        yield "\n".join(_risks(report))
    if any(risk.kind in {Kind.BREAKS, Kind.OPENS} for risk in report.risks):
        yield f"```mermaid\n{mermaid(report.before.version, report.after.version)}\n```"
    tables = (_calls(report), _traffic(report), _routes(report), _observed(report), _findings(report))
    yield from (table for table in tables if table)
    yield (
        "<details><summary>Not checked</summary>\n\n"
        + "\n".join(f"- {one}" for one in report.unchecked)
        + "\n\n</details>"
    )
    if report.changes:
        yield f"#### Objects: {report.totals}"


def _risks(report: Report) -> Iterator[str]:
    yield "| | risk | of | before | after | why | from |"
    yield "|---|---|---|---|---|---|---|"
    for risk in report.risks:
        mark = "\N{HEAVY EXCLAMATION MARK SYMBOL}" if risk.kind in SEVERE else ""
        lines = ", ".join(f"`{line}`" for line in origins.of(risk, report.lines)) or "the program or the library"
        cells = (mark, risk.kind.value, _code(risk.subject), _cell(risk.before), _cell(risk.after), risk.reason, lines)
        yield f"| {' | '.join(cells)} |"


def _calls(report: Report) -> str:
    """Who may call whom: the calls that differ."""
    old, new = report.before.version.calls, report.after.version.calls
    rows = sorted((call, "gained" if call in new else "lost") for call in old ^ new)
    if not rows:
        return ""
    body = [
        f"| {what} | {_code(call.caller)} | {_code(call.callee)} | {_cell(call.what or 'all')} |" for call, what in rows
    ]
    kept = len([call for call in old & new if call.caller != ANYONE])
    title = f"<details open><summary>Who may call whom: {len(rows)} differences, {kept} calls stay</summary>"
    return "\n".join([title, "", "| | caller | callee | requests |", "|---|---|---|---|", *body, "", "</details>"])


def _traffic(report: Report) -> str:
    """Observed calls that the proposed policies refuse."""
    if report.traffic is None:
        return ""
    replay, already = report.traffic.replay, report.traffic.already
    title = f"{len(report.refused)} of {replay.compared} pairs would be refused by the change"
    body = [
        f"| {'the base too' if (one.caller, one.callee) in already else 'the change'} | {_code(one.caller)}"
        f" | {_code(one.callee)} | {one.calls:.0f} | {one.last_seen or 'unknown'} | {_cell(one.reason)} |"
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
            rest += ["", f"{what}: {_cell(', '.join(f'{caller} -> {callee}' for caller, callee in pairs))}."]
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
        f"| {side} | {_code(one.owner)} | {_cell(one.match or 'all others')} | {_cell(one.where)} | {one.fault or '-'}"
        f" | {one.attempts} | {one.timeout or '-'} |"
        for side, one in rows
    ]
    header = ["| | route | requests | to | fault | retries | timeout |", "|---|---|---|---|---|---|---|"]
    return "\n".join(["<details open><summary>Where requests go</summary>", "", *header, *body, "", "</details>"])


def _observed(report: Report) -> str:
    """What is observed: sampling and pipelines that differ."""
    before, after = report.before.version, report.after.version
    rows = [
        *_differing(before.sampling, after.sampling, "sampling of "),
        *_differing(before.pipelines, after.pipelines, ""),
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
        f"| {one.severity.value} | {one.code.id} | {_code(str(one.object))} | {_code(one.path)} | {_cell(one.message)}"
        f" | {_cell(one.why)} | {_cell(one.remedy)} |"
        for one in found.introduced
    ]
    state = " open" if any(one.severity is not Severity.INFO for one in found.introduced) else ""
    title = f"<details{state}><summary>Checks: {len(found.introduced)} new; {others}</summary>"
    header = ["| | code | object | field | found | so | remedy |", "|---|---|---|---|---|---|---|"]
    return "\n".join([title, "", *header, *body, "", "</details>"])


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"| {prefix}{_code(name)} | {_words(before.get(name))} | {_words(after.get(name))} |"


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
    return yaml.safe_dump(shown, sort_keys=True, width=1000, allow_unicode=True).splitlines()


def _footer(report: Report) -> str:
    compared = f"`{report.before.name}` with `{report.after.name}`"
    return f"---\nCompared {compared}. This comment is updated with every push. Run it yourself: `{report.command}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    return f"`{_cell(text)}`"
