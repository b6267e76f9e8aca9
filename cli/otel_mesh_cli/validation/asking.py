"""A program asked about a configuration: its command, and its message in one line."""

from __future__ import annotations

import fnmatch
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from otel_mesh_cli.core.run import NOT_STARTED, TIMED_OUT, run
from otel_mesh_cli.validation.configurations import AMTOOL, JAEGER, OTELCOL, PROMTOOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh_cli.core.run import Done
    from otel_mesh_cli.validation.configurations import Configuration

_SECONDS: Final = 60
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    OTELCOL: ("validate", "--config=file:{}"),
    JAEGER: ("validate", "--config=file:{}"),
    PROMTOOL: ("check", "config", "--syntax-only", "{}"),  # else it looks for the files of Secrets
    AMTOOL: ("check-config", "{}"),
}
_RULES: Final = ("check", "rules", "{}")
_LOGGED: Final = re.compile(r"^(?:\d{4}/\d\d/\d\d |time=).*", re.MULTILINE | re.DOTALL)
"""What Jaeger and promtool log beside and after their message."""


@dataclass(frozen=True)
class Question:
    """A configuration for a program, without the objects that it comes from: equal ones are asked once.

    Attributes:
        program: Name of the program.
        words: Arguments, with ``{}`` for the file.
        asked: Path of the file in the container.
        files: Path and content of the files that the program reads.
        folders: Folders that exist in the container.
        variables: Environment variables.
    """

    program: str
    words: tuple[str, ...]
    asked: str
    files: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reply:
    """What a program says.

    Attributes:
        refusal: Its message; empty if it accepts the configuration.
        failure: Why it did not decide; empty if it did.
    """

    refusal: str = ""
    failure: str = ""


def questions(one: Configuration) -> tuple[Question, ...]:
    """What a program is asked about a configuration: the main file, and Prometheus' rule files one by one.

    Args:
        one: The configuration.
    """
    asked = [(one.main, _WORDS[one.program])]
    if one.program == PROMTOOL:
        asked += [(path, _RULES) for path in _rule_files(one)]
    variables = tuple(sorted(one.variables.items()))
    return tuple(
        Question(one.program, words, path, ((path, one.files[path].text),), one.folders, variables)
        for path, words in asked
    )


def ask(program: Path, question: Question) -> Reply:
    """Run a program on a configuration, in a temporary folder that stands for the container's root.

    Args:
        program: File of the program.
        question: The configuration.
    """
    with tempfile.TemporaryDirectory(prefix="otel-mesh-config-") as name:
        root = Path(name)
        for folder in question.folders:
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for path, text in question.files:
            file = root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_inside(text, root, question.folders), encoding="utf-8")
        words = [word.format(root / question.asked.lstrip("/")) for word in question.words]
        # the container's variables alone: nothing of this shell decides, and nothing of it can be shown
        done = run([program, *words], env=dict(question.variables), cwd=root, timeout=_SECONDS)
        if done.ok:
            return Reply()
        if done.code in {NOT_STARTED, TIMED_OUT} or done.code < 0:
            return Reply(failure=done.reason)
        return Reply(refusal=_message(done).replace(name, ""))


def _rule_files(one: Configuration) -> Sequence[str]:
    """Mounted files that the configuration names as rule files; none if it cannot be read."""
    try:
        content = yaml.safe_load(one.files[one.main].text)
    except yaml.YAMLError:
        return ()
    patterns = content.get("rule_files") if isinstance(content, dict) else None
    globs = [str(pattern) for pattern in patterns] if isinstance(patterns, list) else []
    return sorted(path for path in one.files if any(fnmatch.fnmatchcase(path, pattern) for pattern in globs))


def _inside(text: str, root: Path, folders: Sequence[str]) -> str:
    """A configuration whose paths of mounted folders are below a root: programs look whether folders exist."""
    for folder in folders:
        text = re.sub(rf"(?<![\w./-]){re.escape(folder)}(?=[/\"'\s,]|$)", f"{root}{folder}", text)
    return text


def _message(done: Done) -> str:
    """A program's message without its headings, in one line."""
    text = done.stdout if "FAILED:" in done.stdout else done.stderr
    for heading in ("Error:", "FAILED:"):
        text = text.partition(heading)[2] or text
    lines = [line.strip() for line in _LOGGED.sub("", text).splitlines() if line.strip()]
    return " ".join(line if line.endswith(":") else f"{line};" for line in lines).rstrip(";") or done.reason
