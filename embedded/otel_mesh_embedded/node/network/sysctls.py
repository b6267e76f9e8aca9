"""Kernel settings of the node, and restoring those from before its first start."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError

SYSCTLS = Path("/proc/sys")
WANTED = {
    "net/ipv4/ip_forward": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
}
# Whatever watches files takes a few; a mesh's network agent that gets none ends, and no new pod of the mesh starts.
AT_LEAST = {"fs/inotify/max_user_instances": 512}
CHANGED_BY_KUBELET = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")


@dataclass(frozen=True)
class KernelSettings:
    """The machine's settings.

    Attributes:
        before: file that holds the values from before the first start.
        folder: the kernel's.
    """

    before: Path
    folder: Path = SYSCTLS

    def change(self) -> None:
        """Record the present values, before anything else, and set those that the node needs.

        Raises:
            CommandError: root may not change the setting.
        """
        if not self.before.exists():
            names = [name for name in (*WANTED, *AT_LEAST, *CHANGED_BY_KUBELET) if (self.folder / name).exists()]
            values = {name: (self.folder / name).read_text().strip() for name in names}
            files.write(self.before, json.dumps(values, indent=1))
        for name, value in WANTED.items():
            self._set(name, value)
        for name, least in AT_LEAST.items():
            with contextlib.suppress(OSError):  # where it cannot be raised, a node alone mostly gets by
                if int((self.folder / name).read_text()) < least:
                    (self.folder / name).write_text(str(least))

    def restore(self, *, others_need_network: bool) -> None:
        """Set the recorded values again, but for those of the network where others need it.

        Raises:
            CommandError: root may not change the setting.
        """
        if not self.before.exists():
            return
        for name, value in json.loads(self.before.read_text()).items():
            if not (others_need_network and name in WANTED):
                self._set(name, value)
        self.before.unlink()

    def _set(self, name: str, value: str) -> None:
        path = self.folder / name
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except OSError as error:
            raise CommandError(
                f"kernel setting {name.replace('/', '.')}: cannot be set to {value}: {error.strerror}",
                remedy="load the module br_netfilter and run as root of the machine, not of a container without rights",
            ) from error
