"""Volume mounts of pods as mounts of Compose: project files, secret files, volumes and tmpfs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_mesh.core.values import quantity
from otel_mesh.k8s.passwords import PASSWORD_KEY
from otel_mesh_cli.compose.containers import container_of, pod_of
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from otel_mesh.k8s.manifests import Manifest

_MIB = 2**20


@dataclass
class Mounts:
    """The mounts of a project's services.

    Attributes:
        objects: Kubernetes objects by kind and ``namespace/name``.
        secrets_dir: Folder of the secret files.
        configs: ``configs`` section of the project.
        secrets: ``secrets`` section of the project.
        volumes: User id that owns each volume, by volume name.
        files: Content of the project's files by path in its folder.
        secret_files: Names of the files that `secrets_dir` must have.
    """

    objects: Mapping[tuple[str, str], Manifest]
    secrets_dir: Path
    configs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    secret_files: list[str] = field(default_factory=list)

    def of(self, workload: Manifest) -> dict[str, Any]:
        """The keys of a workload's Compose service for its mounts.

        Raises:
            CommandError: A volume has no counterpart in Compose, or the stack does not create its ConfigMap.
        """
        pod = pod_of(workload)
        volumes = {one["name"]: one for one in pod.get("volumes", ())}
        namespace = workload["metadata"]["namespace"]
        made: dict[str, list[Any]] = {}
        for mount in container_of(workload).get("volumeMounts", ()):
            volume, path = volumes[mount["name"]], mount["mountPath"]
            if "configMap" in volume:
                made.setdefault("configs", []).extend(self._config(namespace, volume["configMap"], path))
            elif "secret" in volume:
                made.setdefault("secrets", []).extend(self._secret(namespace, volume["secret"]["secretName"], path))
            elif "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                self.volumes[claim] = str(pod["securityContext"]["runAsUser"])
                made.setdefault("volumes", []).append({"type": "volume", "source": claim, "target": path})
            elif "emptyDir" in volume:
                size = int(quantity(volume["emptyDir"].get("sizeLimit", "64Mi"))) // _MIB
                made.setdefault("tmpfs", []).append(f"{path}:size={size}m,mode=1777")
            else:
                kinds = ", ".join(sorted(volume.keys() - {"name"}))
                raise CommandError(
                    f"{workload['metadata']['name']}: a volume of {kinds}: not translated",
                    remedy="translate it in cli/otel_mesh_cli/compose/mounts.py",
                )
        return made

    def _config(self, namespace: str, volume: Mapping[str, Any], path: str) -> Iterator[dict[str, str]]:
        name = volume["name"]
        place = f"{namespace}/{name}"
        if ("ConfigMap", place) not in self.objects:
            raise CommandError(f"ConfigMap {place}: not created by the stack", remedy="create it in the stack")
        data = self.objects["ConfigMap", place].get("data", {})
        items = volume.get("items") or [{"key": key, "path": key} for key in data]
        for one in items:
            file = f"config/{name}/{one['path']}"
            self.files[file] = data[one["key"]]
            # a file: Compose would have to write inline content into a read-only root
            self.configs[f"{name}-{one['key']}"] = {"file": f"./{file}"}
            yield {"source": f"{name}-{one['key']}", "target": f"{path}/{one['path']}"}

    def _secret(self, namespace: str, name: str, path: str) -> Iterator[dict[str, str]]:
        # an existing Secret, which the stack only names, has the one key that all such settings expect
        secret = self.objects.get(("Secret", f"{namespace}/{name}"), {"stringData": {PASSWORD_KEY: ""}})
        for key in {**secret.get("data", {}), **secret.get("stringData", {})}:
            file = f"{name}-{key}"
            if file not in self.secret_files:
                self.secret_files.append(file)
            self.secrets[file] = {"file": str(self.secrets_dir / file)}
            yield {"source": file, "target": f"{path}/{key}"}
