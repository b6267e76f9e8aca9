"""The flow around apt, with an apt that has two packages and no network. The real one runs in tests/e2e."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded import packages
from otel_mesh_embedded.packages import prefix

APT = """\
#!/bin/sh
# Notes its calls; "mirror" holds what can be fetched, "lists" what the lists say.
here={here}
echo "$*" >> "$here/calls"
conf=$2
state=$(sed -n 's/^Dir::State "\\(.*\\)";/\\1/p' "$conf")
case "$*" in
  *" update "*)
    [ -e "$here/mirror" ] || {{ echo "E: Could not resolve 'mirror.example'" >&2; exit 100; }}
    cp "$here/mirror" "$here/lists"; touch "$state/lists/mirror_Packages" ;;
  *--print-uris*)
    case "$*" in *unheard-of*) echo "E: Unable to locate package unheard-of" >&2; exit 100;; esac
    sed "s|.*|'http://mirror.example/&' & 100 SHA256:&|" "$here/lists" ;;
  *--download-only*)
    cmp -s "$here/mirror" "$here/lists" || {{ echo "E: Failed to fetch: 404  Not Found" >&2; exit 100; }}
    folder=$(echo "$*" | sed 's/.*archives=\\([^ ]*\\).*/\\1/')
    while read -r file; do echo "$file" > "$folder/$file"; done < "$here/lists" ;;
esac
"""
DPKG = """\
#!/bin/sh
mkdir -p "$3/usr/sbin" "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu/xtables"
cp "$2" "$3/usr/bin/$(basename "$2" .deb)"
touch "$3/usr/sbin/iptables-nft" "$3/usr/sbin/iptables-nft-save"
"""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "apt"
    here.mkdir()
    for name, script in (("apt-get", APT), ("dpkg-deb", DPKG)):
        program = here / name
        program.write_text(textwrap.dedent(script.format(here=here)))
        program.chmod(0o755)
    (here / "mirror").write_text("runc_1.1_amd64.deb\nsocat_1.7_amd64.deb\n")
    monkeypatch.setenv("PATH", str(here), prepend=os.pathsep)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    status = tmp_path / "status"
    status.touch()
    monkeypatch.setattr(prefix, "_STATUS", status)
    return here


def calls(mirror: Path) -> list[str]:
    return (mirror / "calls").read_text().splitlines() if (mirror / "calls").exists() else []


def test_packages_are_unpacked_once(mirror: Path) -> None:
    assert packages.here(["runc", "socat"]) is None
    assert calls(mirror) == []
    made = packages.ensure(["socat", "runc"])
    assert sorted(path.name for path in (made / "usr" / "bin").iterdir()) == ["runc_1.1_amd64", "socat_1.7_amd64"]
    before = calls(mirror)
    assert packages.ensure(["runc", "socat"]) == made, "the order of names does not matter"
    assert packages.here(["runc", "socat"]) == made
    assert calls(mirror) == before, "apt was not even asked"


def test_the_alternatives_debian_would_link_are_there(mirror: Path) -> None:
    del mirror
    made = packages.ensure(["iptables"])
    assert (made / "usr" / "sbin" / "iptables").readlink() == Path("iptables-nft")
    assert (made / "usr" / "sbin" / "iptables-save").readlink() == Path("iptables-nft-save")
    assert not (made / "usr" / "sbin" / "ip6tables").is_symlink(), "only where the program is there"


def test_newer_versions_come_when_asked_for(mirror: Path) -> None:
    made = packages.ensure(["socat"])
    (mirror / "mirror").write_text("socat_1.8_amd64.deb\n")
    assert packages.ensure(["socat"]) == made
    newer = packages.ensure(["socat"], refresh=True)
    assert [path.name for path in (newer / "usr" / "bin").iterdir()] == ["socat_1.8_amd64"]
    assert made.is_dir(), "what runs from the old one goes on running"


def test_lists_older_than_the_mirror_are_fetched_again(mirror: Path) -> None:
    packages.ensure(["runc"])
    (mirror / "mirror").write_text("socat_1.8_amd64.deb\n")
    made = packages.ensure(["socat"])
    assert [path.name for path in (made / "usr" / "bin").iterdir()] == ["socat_1.8_amd64"]
    assert packages.ensure(["socat"], refresh=True) == made, "its name was made from what it holds"


def test_a_change_of_the_machines_packages_is_looked_at_without_network(mirror: Path, tmp_path: Path) -> None:
    made = packages.ensure(["socat"])
    os.utime(tmp_path / "status", (1, 1))
    (mirror / "mirror").unlink()
    assert packages.ensure(["socat"]) == made


def test_a_killed_run_is_begun_again(mirror: Path) -> None:
    scratch = cache_dir() / "debian" / "prefix" / ".unpack" / "tree" / "usr"
    scratch.mkdir(parents=True)
    (scratch / "half").touch()
    made = packages.ensure(["socat"])
    assert not (made / "usr" / "half").exists()
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    record = next((cache_dir() / "debian" / "records").glob("*.json"))
    record.write_text('{"half')
    assert packages.ensure(["socat"]) == made
    assert json.loads(record.read_text())["prefix"] == made.name
    assert (mirror / "calls").exists()


def test_no_network_and_unknown_packages_are_one_line(mirror: Path) -> None:
    with pytest.raises(CommandError, match="unheard-of: E: Unable to locate package unheard-of"):
        packages.ensure(["unheard-of"])
    (mirror / "mirror").unlink()
    with pytest.raises(CommandError, match=r"no network: E: Could not resolve 'mirror\.example'") as caught:
        packages.ensure(["socat"], refresh=True)
    assert "\n" not in str(caught.value)
    assert not list((cache_dir() / "debian" / "prefix").glob("[!.]*"))


def test_a_machine_without_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="apt-get: not found"):
        packages.ensure(["socat"])


def test_the_environment_names_what_the_prefix_has(mirror: Path) -> None:
    del mirror
    made = packages.ensure(["iptables"])
    variables = packages.environment(made)
    assert variables["PATH"].startswith(f"{made}/usr/sbin:{made}/usr/bin:")
    assert variables["LD_LIBRARY_PATH"] == f"{made}/usr/lib/x86_64-linux-gnu"
    assert variables["XTABLES_LIBDIR"] == f"{made}/usr/lib/x86_64-linux-gnu/xtables"
    assert "PERL5LIB" not in variables


def test_the_machines_hooks_do_not_run_and_its_folders_stay(mirror: Path) -> None:
    packages.ensure(["socat"])
    conf = Path(calls(mirror)[0].split()[1])
    text = conf.read_text()
    assert "#clear APT::Update;" in text
    assert "#clear DPkg;" in text
    for setting in ("Dir::State ", "Dir::Cache ", "Dir::Log "):
        assert f'{setting}"{cache_dir()}/debian/apt/' in text
