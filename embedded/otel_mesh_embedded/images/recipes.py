"""What images there are and what goes into them: data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.images import services
from otel_mesh_cli.images.references import LOCAL_REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPES = Path(__file__).parent.parent / "image_recipes"
REGISTRY = LOCAL_REGISTRY
PAGE = "page.tar"


@dataclass(frozen=True)
class Root:
    """A file system made of Debian packages, the base of images.

    Attributes:
        packages: installed beside the essential ones.
        without: patterns of files that are left out, after those of `WITHOUT`.
        prepare: shell lines run before the packages' own scripts; ``$1`` is the root.
        finish: shell lines run at the end.
    """

    name: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """An image and where it comes from.

    Attributes:
        dockerfile: its recipe; what it copies is looked for in `context`.
        context: the folder that the recipe's COPY sources are relative to.
        programs: of the toolchain, put into the context under their names.
        root: the base that BASE_IMAGE names.
        network: whether its RUN steps fetch packages from a Python index.
        arguments: build arguments beside BASE_IMAGE.
        page: whether the context has `PAGE`, what Prometheus shows in a browser.
    """

    name: str
    dockerfile: Path
    context: Path
    programs: tuple[str, ...] = ()
    root: str | None = None
    network: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict)
    page: bool = False


WITHOUT = (
    "/usr/share/bug/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
FINISH = (
    # The machine's way to its mirror is not the image's business.
    # (mmdebstrap removes its own 00mmdebstrap afterwards.)
    'find "$1/etc/apt" -type f ! -name 00mmdebstrap -delete',
    'rm -f "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
    'find "$1/var/log" "$1/var/cache" "$1/var/lib/apt" -type f -delete',
)

ROOTS = (
    # libstdc++6: compiled wheels such as grpcio's ask for it
    Root("python", ("ca-certificates", "libstdc++6", "python3", "python3-venv")),
    Root(
        "postgres",
        ("postgresql",),
        # Compiling queries at run time needs 130 MB of LLVM; without the files the server does without.
        without=("/usr/lib/*/libLLVM*", "/usr/lib/postgresql/*/lib/bitcode/*", "/usr/lib/postgresql/*/lib/llvmjit*"),
        prepare=(
            # The public image's number, in place of whatever is free; and no cluster at installation.
            'echo "postgres:x:999:" >> "$1/etc/group"',
            'echo "postgres:x:999:999:PostgreSQL:/var/lib/postgresql:/bin/bash" >> "$1/etc/passwd"',
            'mkdir -p "$1/etc/postgresql-common"',
            'echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"',
        ),
        finish=(
            'ln -s "$(basename "$1"/usr/lib/postgresql/*)" "$1/usr/lib/postgresql/current"',
            'rm -rf "$1"/usr/share/perl "$1"/usr/share/postgresql-common',
            'rm -rf "$1"/usr/lib/*/perl "$1"/usr/lib/*/libperl.so*',
            # made anew by every installation: a key that nobody asked for, and another image each time
            'rm -f "$1"/etc/ssl/private/*.key "$1"/etc/ssl/certs/ssl-cert-snakeoil.pem',
            'install -d -o 999 -g 999 -m 0755 "$1/var/lib/postgresql" "$1/var/run/postgresql"',
        ),
    ),
    Root(
        "redis",
        ("redis-server",),
        prepare=(
            # The public image's number, in place of whatever is free.
            'echo "redis:x:999:" >> "$1/etc/group"',
            'echo "redis:x:999:999:Redis:/var/lib/redis:/usr/sbin/nologin" >> "$1/etc/passwd"',
        ),
    ),
)


def _program(name: str, *programs: str, root: str | None = "python", page: bool = False) -> Image:
    folder = RECIPES / name
    return Image(name, folder / "Dockerfile", folder, programs, root, page=page)


def _services() -> tuple[Image, ...]:
    """The services' images, on a base made of the machine's packages unless another is asked for."""
    return tuple(
        Image(
            image.name,
            services.dockerfile(),
            repo_dir(),
            root="python",
            network=True,
            arguments=image.arguments,
        )
        for image in services.service_images()
    )


SERVICES = _services()
LOAD_GENERATOR = "load-generator"
"""The image that a stack runs only where its settings ask for load."""
IMAGES = (
    _program("pause", "pause", root=None),
    _program("coredns", "coredns"),
    _program("otel-collector", "otelcol"),
    _program("jaeger", "jaeger"),
    _program("victoria-logs", "victoria-logs"),
    _program("prometheus", "prometheus", "promtool", page=True),
    _program("postgres", root="postgres"),
    _program("redis", root="redis"),
    _program("istio-pilot", "pilot-discovery"),
    _program("istio-install-cni", "install-cni", "istio-cni"),
    # Its recipe fetches Envoy by a lock of the checkout.
    Image(
        "istio-proxyv2",
        RECIPES / "istio-proxyv2" / "Dockerfile",
        repo_dir(),
        ("pilot-agent", "envoy_bootstrap_tmpl.json"),
        root="python",
        network=True,
    ),
    *SERVICES,
)
