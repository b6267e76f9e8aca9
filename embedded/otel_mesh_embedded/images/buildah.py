"""buildah with private storage, policy and registries; only files in the cache outlive its process."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.core.run import run
from otel_mesh_cli.images.references import is_loopback
from otel_mesh_embedded import packages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

PACKAGES = ("buildah", "mmdebstrap")
# Builds mount file systems and start helpers. In namespaces of their own, both end with the build, even a killed one.
# (The signal is KILL because unshare ignores TERM while it waits.)
CONFINED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)
# buildah re-executes itself without its environment and has to find its libraries without LD_LIBRARY_PATH.
_WITH_LIBRARIES = ("sh", "-c", 'mount --bind "$0" /etc/ld.so.cache && exec "$@"')
_LAYERS_KEPT = 150
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'
_REGISTRIES = 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n'
_STORAGE = '[storage]\ndriver = "{driver}"\nrunroot = "{runroot}"\ngraphroot = "{root}"\n'


class Buildah:
    """A private image store, for one process at a time.

    Raises:
        CommandError: Debian's package is not available.
    """

    def __init__(self) -> None:
        self._prefix = packages.ensure(PACKAGES)
        self._home = cache_dir() / "images"
        for name in ("tmp", "run"):  # also removes what a killed build left
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
        """Write an ld.so.cache with the prefix's libraries beside the machine's."""
        folders = packages.environment(self._prefix)["LD_LIBRARY_PATH"].split(os.pathsep)
        self._write("ld.so.conf", "\n".join(["include /etc/ld.so.conf", *folders, ""]))
        configuration = self._configuration
        run(
            ["ldconfig", "-X", "-C", configuration / "ld.so.cache", "-f", configuration / "ld.so.conf"],
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
        ).require("images: ldconfig", remedy="make `ldconfig -X` work")

    def _write(self, name: str, text: str) -> None:
        (self._configuration / name).write_text(text)

    def _pick_driver(self) -> str:
        """``overlay`` if the cache's file system supports it, else ``vfs``, which copies."""
        test = self._home / ".overlay"
        shutil.rmtree(test, ignore_errors=True)
        folders = {name: test / name for name in ("lower", "upper", "work", "merged")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        options = ",".join(f"{name}dir={folders[name]}" for name in ("lower", "upper", "work"))
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(folders["merged"])]
        done = run([*CONFINED, *mount])
        shutil.rmtree(test)
        return "overlay" if done.ok else "vfs"

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the prefix's programs: this process's, with the store's configuration."""
        return {
            **os.environ,
            **packages.environment(self._prefix),
            "CONTAINERS_STORAGE_CONF": str(self._configuration / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self._configuration / "registries.conf"),
            "TMPDIR": str(self._home / "tmp"),
            "LC_ALL": "C.UTF-8",
        }

    def program(self, name: str) -> Path:
        """File of a program in the prefix."""
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
        """Build an image from the Dockerfile in a context; volumes are values of ``--volume`` for its RUN steps.

        Raises:
            CommandError: a step failed.
        """
        options = ["--isolation=chroot", "--network=host", "--layers", "--pull-never", "--timestamp=0"]
        options.append(f"--tag={reference}")
        options += [f"--volume={volume}" for volume in volumes]
        options += [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
        self._run(["build", *options, str(context)], reference, log)

    def pull(self, reference: str, log: Path) -> None:
        """Fetch an image from its registry.

        Raises:
            CommandError: the registry does not answer or does not have it.
        """
        tls = ["--tls-verify=false"] if is_loopback(reference) else []
        self._run(["pull", "--quiet", *tls, reference], reference, log)

    def save(self, reference: str, archive: Path, log: Path) -> None:
        """Write an image in the format of ``docker save``, in one step."""
        fresh = archive.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        self._run(["push", reference, f"docker-archive:{fresh}:{reference}"], reference, log)
        fresh.replace(archive)

    def has(self, reference: str) -> bool:
        """Whether the store has an image."""
        return bool(run(self._command(["images", "--quiet", reference]), env=self.environment).stdout.strip())

    def clean(self, wanted: Collection[str], log: Path) -> None:
        """Remove images that are not wanted, and what a killed build left.

        Intermediate layers stay for the next build of a changed service, up to a limit.
        """
        self._run(["rm", "--all"], "storage", log)
        listed = run(self._command(["images", "--all", "--json"]), env=self.environment).stdout
        images: list[dict[str, Any]] = json.loads(listed or "[]") or []
        for image in images:
            names = image["names"] or []
            for name in names:
                if _is_tagged(name) and name not in wanted:
                    self._run(["rmi", "--force", name], name, log)
            if names and not any(map(_is_tagged, names)):  # pulled by its digest
                self._run(["rmi", "--force", image["id"]], names[0], log)
        if sum(not image["names"] for image in images) > _LAYERS_KEPT:
            self._run(["rmi", "--prune", "--force"], "storage", log)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        reads_images = arguments[0] in ("build", "pull", "push")
        policy = ["--signature-policy", str(self._configuration / "policy.json")] if reads_images else []
        libraries = [*_WITH_LIBRARIES, str(self._configuration / "ld.so.cache")]
        return [*CONFINED, *libraries, str(self.program("buildah")), arguments[0], *policy, *arguments[1:]]

    def _run(self, arguments: Sequence[str], subject: str, log: Path) -> None:
        run(self._command(arguments), env=self.environment, log=log).require(f"image {subject}", remedy="read the log")


def _is_tagged(name: str) -> bool:
    """Whether a name has a tag rather than a digest."""
    return "@" not in name and not name.endswith(":<none>")
