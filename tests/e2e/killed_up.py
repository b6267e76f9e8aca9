"""A `make up` that is killed at one of its steps."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress

import psutil

from otel_mesh_cli.core.paths import repo_dir

WHO = {
    "python with -9": (signal.SIGKILL, "python"),
    "everything with -9": (signal.SIGKILL, "everything"),
    "python by Ctrl-C": (signal.SIGINT, "python"),
}
"""Signal and victims."""


def kill_up(step: str, who: str, later_s: float = 0.0) -> str:
    """Run `make up`, and kill it after the line of a step.

    Args:
        step: Words of the line, alternatives separated by ``|``.
        who: One of `WHO`.
        later_s: Seconds from the line to the signal.

    Returns:
        The line.
    """
    number, victim = WHO[who]
    with subprocess.Popen(
        ("make", "up"), cwd=repo_dir(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        assert up.stdout is not None
        said = next((line for line in up.stdout if any(words in line for words in step.split("|"))), None)
        assert said is not None, f"it never said: {step}"
        time.sleep(later_s)
        tree = psutil.Process(up.pid).children(recursive=True)
        victims = [psutil.Process(up.pid), *tree] if victim == "everything" else tree[:1]
        for one in victims:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        up.communicate(timeout=300)
    return said.strip()
