"""buildah with storage, policy and registries of our own; nothing of it outlives its process but files in the cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.images.references import is_loopback
from otel_mesh_embedded import packages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

PACKAGES = ("buildah", "mmdebstrap")
# Builds mount file systems and start helpers: in namespaces of their own both end with the build, even if it is killed.
# (KILL, as unshare ignores TERM while it waits.)
CONFINED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)
# buildah starts itself anew without its environment: its libraries have to be found without LD_LIBRARY_PATH.
_WITH_LIBRARIES = ("sh", "-c", 'mount --bind "$0" /etc/ld.so.cache && exec "$@"')
_LAYERS_KEPT = 150
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'
_REGISTRIES = 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n'
_STORAGE = '[storage]\ndriver = "{driver}"\nrunroot = "{runroot}"\ngraphroot = "{root}"\n'


class Buildah:
    """One private image store; one process at a time has it.

    Raises:
        CommandError: buildah or its packages cannot be had.
    """

    def __init__(self) -> None:
        self._prefix = packages.ensure(PACKAGES)
        self._home = cache_dir() / "images"
        for name in ("tmp", "run"):  # with a killed build's leavings
            shutil.rmtree(self._home / name, ignore_errors=True)
            (self._home / name).mkdir(parents=True)
        self._driver = self._pick_driver()
        root = self._home / f"storage-{self._driver}"
        self._configuration = self._home / "configuration"
        self._configuration.mkdir(exist_ok=True)
        self._write("policy.json", _POLICY)
        self._write("registries.conf", _REGISTRIES)
        self._write("storage.conf", _STORAGE.format(driver=self._driver, runroot=self._home / "run", root=root))

        self._index_libraries()

    def _index_libraries(self) -> None:
        """An ld.so.cache that knows the prefix's libraries beside the machine's."""
        folders = packages.environment(self._prefix)["LD_LIBRARY_PATH"].split(os.pathsep)
        self._write("ld.so.conf", "\n".join(["include /etc/ld.so.conf", *folders, ""]))
        configuration = self._configuration
        subprocess.run(
            ["ldconfig", "-X", "-C", configuration / "ld.so.cache", "-f", configuration / "ld.so.conf"],
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
            capture_output=True,
            check=True,
        )

    def _write(self, name: str, text: str) -> None:
        (self._configuration / name).write_text(text)

    def _pick_driver(self) -> str:
        """``overlay`` where the cache's file system carries one, else plain copies."""
        test = self._home / ".overlay"
        if test.exists():
            shutil.rmtree(test)
        folders = {name: test / name for name in ("lower", "upper", "work", "merged")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        options = ",".join(f"{name}dir={folders[name]}" for name in ("lower", "upper", "work"))
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(folders["merged"])]
        done = subprocess.run([*CONFINED, *mount], capture_output=True, check=False)
        shutil.rmtree(test)
        return "overlay" if done.returncode == 0 else "vfs"

    @property
    def environment(self) -> dict[str, str]:
        """For programs of the prefix: ours, and the store's configuration."""
        return {
            **os.environ,
            **packages.environment(self._prefix),
            "CONTAINERS_STORAGE_CONF": str(self._configuration / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self._configuration / "registries.conf"),
            "TMPDIR": str(self._home / "tmp"),
            "LC_ALL": "C.UTF-8",
        }

    def program(self, name: str) -> Path:
        """A program of the prefix."""
        return self._prefix / "usr" / "bin" / name

    def build(
        self,
        context: Path,
        reference: str,
        log: Path,
        *,
        arguments: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
    ) -> None:
        """Build an image from the Dockerfile in a context.

        Args:
            context: everything the recipe copies.
            reference: the image's name and tag.
            log: everything the build says.
            arguments: of the recipe, such as BASE_IMAGE.
            volumes: mounts of RUN steps.

        Raises:
            CommandError: a step failed.
        """
        options = [
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--layers",
            "--pull-never",
            "--timestamp",
            "0",
            "--tag",
            reference,
        ]
        options += [f"--volume={volume}" for volume in volumes]
        options += [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
        self._run(["build", *options, str(context)], reference, log)

    def pull(self, reference: str, log: Path) -> None:
        """Fetch an image from its registry.

        Raises:
            CommandError: it cannot be had.
        """
        tls = ["--tls-verify=false"] if is_loopback(reference) else []
        self._run(["pull", "--quiet", *tls, reference], reference, log)

    def save(self, reference: str, archive: Path, log: Path) -> None:
        """Write an image as a docker-archive, whole or not at all."""
        fresh = archive.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        self._run(["push", reference, f"docker-archive:{fresh}:{reference}"], reference, log)
        fresh.replace(archive)

    def has(self, reference: str) -> bool:
        """Whether the store holds an image."""
        command = self._command(["images", "--quiet", reference])
        return bool(subprocess.run(command, env=self.environment, capture_output=True, check=False).stdout.strip())

    def clean(self, wanted: Collection[str], log: Path) -> None:
        """Remove what a killed build left and images that are not wanted.

        Intermediate layers stay for the next build of a changed service, up to a limit.
        """
        self._run(["rm", "--all"], "leavings", log)
        done = subprocess.run(
            self._command(["images", "--all", "--json"]),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        images: list[dict[str, Any]] = json.loads(done.stdout or "[]") or []
        for image in images:
            names = image["names"] or []
            for name in names:
                if _is_tagged(name) and name not in wanted:
                    self._run(["rmi", "--force", name], name, log)
            if names and not any(map(_is_tagged, names)):  # pulled by its digest
                self._run(["rmi", "--force", image["id"]], names[0], log)
        if sum(not image["names"] for image in images) > _LAYERS_KEPT:
            self._run(["rmi", "--prune", "--force"], "leavings", log)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        reads_images = arguments[0] in ("build", "pull", "push")
        policy = ["--signature-policy", str(self._configuration / "policy.json")] if reads_images else []
        libraries = [*_WITH_LIBRARIES, str(self._configuration / "ld.so.cache")]
        return [*CONFINED, *libraries, str(self.program("buildah")), arguments[0], *policy, *arguments[1:]]

    def _run(self, arguments: Sequence[str], subject: str, log: Path) -> None:
        with log.open("a") as stream:
            done = subprocess.run(
                self._command(arguments),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            told = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
            raise CommandError(
                f"image {subject}: {told[-1] if told else 'buildah failed'}", remedy="read the log", log=log
            )


def _is_tagged(name: str) -> bool:
    """Whether a name has a tag to be called by, rather than a digest."""
    return "@" not in name and not name.endswith(":<none>")
