"""What a stand-in of `stand_ins.py` does; its name on the command line says for which program it stands."""

# ruff: noqa: T201 -- a program

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

NAME = Path(sys.argv[0]).name
WORLD = Path(sys.argv[0]).resolve().parent.parent


def get(name: str) -> dict[str, Any]:
    file = WORLD / f"{name}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def put(name: str, key: str, value: object) -> None:
    (WORLD / f"{name}.json").write_text(json.dumps({**get(name), key: value}))


def fail(message: str, code: int = 125) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


def absent(reference: str) -> NoReturn:
    if NAME == "docker":
        fail(f"Error response from daemon: manifest for {reference} not found: manifest unknown: manifest unknown", 1)
    repository, _, tag = reference.rpartition(":")
    fail(f"Error: initializing source docker://{reference}: reading manifest {tag} in {repository}: manifest unknown")


def pushed(digest: str) -> str:
    """Digest in the registry, which podman and buildah compress layers for."""
    return digest if NAME == "docker" else f"sha256:{hashlib.sha256(digest.encode()).hexdigest()}"


def local(reference: str) -> str:
    found = get(NAME).get(reference)
    if found is None:
        fail(f"Error: No such image: {reference}" if NAME == "docker" else f"Error: {reference}: image not known")
    return str(found)


def options(*names: str, many: tuple[str, ...] = (), flags: tuple[str, ...] = (), places: int = 1) -> dict[str, Any]:
    """The arguments after the command; what is not listed is refused as by the program."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}")
    for name in many:
        parser.add_argument(f"--{name}", action="append")
    for name in flags:
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("places", nargs=places)
    return vars(parser.parse_args(REST))


def build() -> None:
    own = () if NAME == "docker" else ("timestamp",)
    found = options("tag", *own, many=("build-arg",), flags=() if NAME == "docker" else ("layers",))
    context = Path(found["places"][0])
    parts = {str(path.relative_to(context)): path.read_text() for path in sorted(context.rglob("*")) if path.is_file()}
    assert "Dockerfile" in parts
    content = json.dumps([parts, found["build_arg"]])
    print("STEP 1/2: FROM")
    put(NAME, found["tag"], f"sha256:{hashlib.sha256(content.encode()).hexdigest()}")


def pull() -> None:
    more = {"docker": (), "podman": ("tls-verify",), "buildah": ("tls-verify", "policy")}
    reference = options(*more[NAME], flags=("quiet",))["places"][0]
    digest = get("registry").get(reference)
    if digest is None:
        absent(reference)
    same = [one for one in get(NAME).values() if digest == pushed(one)]
    put(NAME, reference, same[0] if same else digest)  # an image keeps the digest that it had first
    if NAME == "docker":
        print(f"{reference.rpartition(':')[2]}: Pulling from {reference}\nDigest: {digest}\nStatus: Downloaded")
    else:
        print(hashlib.sha256(digest.encode()).hexdigest())


def push() -> None:
    if NAME == "docker":
        reference = options()["places"][0]
        put("registry", reference, local(reference))
        print(f"The push refers to repository [{reference}]\n1: digest: {local(reference)} size: 1234")
        return
    if any(word.startswith("docker-archive:") for word in REST):
        reference, target = options(flags=("quiet",), places=2)["places"]
        Path(target.split(":")[1]).write_text(f"{reference} {local(reference)}")
        return
    found = options("digestfile", "tls-verify", flags=("quiet",))
    reference = found["places"][0]
    digest = get("registry").get(reference)
    if digest != local(reference):  # else pulled from there
        digest = pushed(local(reference))
    put("registry", reference, digest)
    Path(found["digestfile"]).write_text(str(digest))


def save() -> None:
    found = options("output", *(() if NAME == "docker" else ("format",)))
    Path(found["output"]).write_text(f"{found['places'][0]} {local(found['places'][0])}")


def image() -> None:
    if NAME == "podman" and REST[0] == "exists":
        sys.exit(REST[1] not in get(NAME))
    assert REST[:2] == ["inspect", "--format"]
    digest = local(REST[3])
    print(digest if REST[2] == "{{.Digest}}" else "sha256:an-image-s-id")


def images() -> None:
    found = options(flags=("quiet", "json"))
    digest = local(found["places"][0])
    print(json.dumps([{"digest": digest}]) if found["json"] else "an-image-s-id")


def manifest() -> None:
    assert REST[0] == "inspect"
    if REST[1] not in get("registry"):
        if NAME == "docker":
            fail(f"no such manifest: {REST[1]}", 1)
        absent(REST[1])
    if NAME == "buildah":
        fail("Error: manifest is of type application/vnd.oci.image.manifest.v1+json (not a list type)")
    print("{}")


def load() -> None:
    """An archive into the nodes of a cluster."""
    arguments = argparse.ArgumentParser(allow_abbrev=False)
    for name in {"kind": ("name",), "k3d": ("cluster",), "minikube": ("profile",)}[NAME]:
        arguments.add_argument(f"--{name}", dest="cluster", required=True)
    arguments.add_argument("words", nargs=2)
    found = arguments.parse_args(REST)
    verb = {"kind": "image-archive", "k3d": "import", "minikube": "load"}[NAME]
    assert found.words[0] == verb
    reference, _ = Path(found.words[1]).read_text().split()
    put("nodes", reference, found.cluster)


def listed() -> None:
    names = get(NAME).get("clusters", [])
    if NAME == "kind":
        print("\n".join(names)) if names else print("No kind clusters found.", file=sys.stderr)
    elif NAME == "k3d":
        print(json.dumps([{"name": name} for name in names]))
    else:
        print(json.dumps({"invalid": [], "valid": [{"Name": name} for name in names]}))


def kubectl() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--request-timeout")][2:]
    if words[:2] == ["config", "current-context"] or words[:2] == ["config", "get-contexts"]:
        print(sys.argv[2])
    elif words[:2] == ["get", "secret"]:
        print("yes", end="")
    elif words[:2] == ["get", "nodes"] and words[2] == "--output=json":
        names = [[name] for name in get("nodes")]
        print(json.dumps({"items": [{"status": {"images": [{"names": name} for name in names]}}]}))


COMMANDS = {
    "build": build,
    "pull": pull,
    "push": push,
    "save": save,
    "images": images,
    "manifest": manifest,
    "version": lambda: print("28.2.2"),
    "info": lambda: print("host:"),
    "image": load if NAME in ("k3d", "minikube") else image,
    "load": load,
    "get": listed,
    "cluster": listed,
    "profile": listed,
}

with (WORLD / f"{NAME}.calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\n")
VERB, REST = sys.argv[1], sys.argv[2:]
failing = WORLD / f"{NAME}-{VERB}.fails"
if failing.exists():
    told = json.loads(failing.read_text())
    fail(told["message"], told["code"])
if NAME == "kubectl":
    kubectl()
else:
    COMMANDS[VERB]()
