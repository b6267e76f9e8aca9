"""What pods mount, and where Compose takes it from: files of the project, files with secrets, volumes, memory."""

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
        objects: by kind and ``namespace/name``.
        secrets_dir: where the files with secrets are.
        configs: of the project, by name.
        secrets: of the project, by name.
        volumes: of the project, by name, with the user that each belongs to.
        files: text by path in the project's folder.
        secret_files: names of the files that have to be in `secrets_dir`.
    """

    objects: Mapping[tuple[str, str], Manifest]
    secrets_dir: Path
    configs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    secret_files: list[str] = field(default_factory=list)

    def of(self, workload: Manifest) -> dict[str, Any]:
        """The keys that a workload's service has for its mounts.

        Raises:
            CommandError: it mounts something that has no counterpart here, or that the stack does not make.
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
                    remedy="teach cli/otel_mesh_cli/compose/mounts.py what it means",
                )
        return made

    def _config(self, namespace: str, volume: Mapping[str, Any], path: str) -> Iterator[dict[str, str]]:
        name = volume["name"]
        place = f"{namespace}/{name}"
        if ("ConfigMap", place) not in self.objects:
            raise CommandError(f"ConfigMap {place}: the stack does not make it", remedy="let it be made, not named")
        data = self.objects["ConfigMap", place]["data"]
        items = volume.get("items") or [{"key": key, "path": key} for key in data]
        for one in items:
            file = f"config/{name}/{one['path']}"
            self.files[file] = data[one["key"]]
            # a file and no inline content, which Compose would have to write into a read-only root
            self.configs[f"{name}-{one['key']}"] = {"file": f"./{file}"}
            yield {"source": f"{name}-{one['key']}", "target": f"{path}/{one['path']}"}

    def _secret(self, namespace: str, name: str, path: str) -> Iterator[dict[str, str]]:
        # one that the stack only names has the key that all settings of that kind ask for
        secret = self.objects.get(("Secret", f"{namespace}/{name}"), {"stringData": {PASSWORD_KEY: ""}})
        for key in {**secret.get("data", {}), **secret.get("stringData", {})}:
            file = f"{name}-{key}"
            if file not in self.secret_files:
                self.secret_files.append(file)
            self.secrets[file] = {"file": str(self.secrets_dir / file)}
            yield {"source": file, "target": f"{path}/{key}"}
