"""The provider is built without its Go SDK, whose one switch decides which types a chart's objects get.

That charts' objects keep those types on the real provider is shown by tests/engine/test_mesh_dry_run.py; here every
kind of the switch is compared with what takes its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_mesh_embedded.toolchain import owner

if TYPE_CHECKING:
    from tests.built import Built

_CASE = re.compile(r'^\tcase "([^"]+)":\n.*\n\t\terr := ctx\.RegisterResource\("([^"]+)"', re.MULTILINE)
_RULE = """\
	if apiVersion == "v1" && coreKinds[kind] {
		apiVersion = "core/v1"
	}
	return "kubernetes:" + apiVersion + ":" + kind
"""


def test_every_kind_has_the_type_that_the_sdk_gives_it(built: Built) -> None:
    source = (built("kinds.go") / "kinds.go").read_text()
    body = source[source.index("func RegisterResource(") :]
    switch = dict(_CASE.findall(body))
    assert len(switch) == body.count("\tcase ") > 150
    assert "pulumi.Alias" not in body, "no type has a former name"
    assert 'ctx.RegisterResource(fmt.Sprintf("kubernetes:%s:%s", apiVersion, kind)' in body, (
        "nor a kind it does not know"
    )
    ours = owner("pulumi-resource-kubernetes").folder / "sdk/go/kubernetes/yaml/v2/register_resource.go"
    text = ours.read_text()
    assert _RULE in text
    core = set(re.findall(r'^\t"(\w+)": +true,$', text, re.MULTILINE))
    made = {}
    for place in switch:
        version, _, kind = place.rpartition("/")
        made[place] = f"kubernetes:{'core/v1' if version == 'v1' and kind in core else version}:{kind}"
    assert made == switch
    assert core == {place.removeprefix("v1/") for place in switch if place.startswith("v1/")}
