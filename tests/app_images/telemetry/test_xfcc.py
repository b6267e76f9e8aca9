"""S1.9: the grammar of x-forwarded-client-cert."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mesh_telemetry.xfcc import Element, parse
from tests.app_images.telemetry.passing_time import cpu_seconds

ISTIO = (
    "By=spiffe://cluster.local/ns/shop/sa/user-service;"
    "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;"
    'Subject="";URI=spiffe://cluster.local/ns/shop/sa/api-gateway'
)


def test_s1_9_what_an_istio_sidecar_sends() -> None:
    (element,) = parse(ISTIO)
    assert element.by == ("spiffe://cluster.local/ns/shop/sa/user-service",)
    assert element.uris == ("spiffe://cluster.local/ns/shop/sa/api-gateway",)
    assert element.subject == ""
    assert len(element.hash) == 64


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("URI=a", [Element(uris=("a",))]),
        ("uri=a;URI=b;Uri=c", [Element(uris=("a", "b", "c"))]),
        ("DNS=a.example;dns=b.example;By=x;by=y", [Element(by=("x", "y"), dns=("a.example", "b.example"))]),
        ("URI=a,URI=b", [Element(uris=("a",)), Element(uris=("b",))]),
        ("URI=a , URI=b", [Element(uris=("a",)), Element(uris=("b",))]),
        ('Subject="CN=a,O=b;c"', [Element(subject="CN=a,O=b;c")]),
        ('Subject="CN=\\"quoted\\",O=x";Hash=1', [Element(subject='CN="quoted",O=x', hash="1")]),
        (r'Subject="CN=a\, b\\c"', [Element(subject=r"CN=a\, b\\c")]),
        ('Subject="a" ;Hash=1', [Element(subject="a", hash="1")]),
        ("Hash=;URI=", [Element(uris=("",))]),
        ("URI=spiffe://a/b?x=y", [Element(uris=("spiffe://a/b?x=y",))]),
        ("Future=1;URI=a", [Element(uris=("a",))]),
        (
            'Cert="-----BEGIN%20CERT-----";Chain=x',
            [Element(cert="-----BEGIN%20CERT-----", chain="x")],
        ),
    ],
)
def test_s1_9_grammar(header: str, expected: list[Element]) -> None:
    assert list(parse(header)) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        ";",
        "URI",
        "=a",
        "URI=a,",
        "URI=a;",
        ",URI=a",
        "URI=a,,URI=b",
        'Subject="open',
        'Subject="a"b',
        'Subject=a"b"',
        'Subject="a\\"',
        "Subject=a;Subject=b",
        "Hash=1;hash=2",
        "U RI=a",
        "1=a",
        "URI=" + "a" * 20_000,
        ",".join(["URI=a"] * 33),
    ],
)
def test_s1_9_half_an_identity_is_none(header: str) -> None:
    assert parse(header) == ()
    if header:
        assert parse(f"URI=spiffe://good,{header}") == ()


def test_s1_9_a_certificate_of_many_names_keeps_its_identity() -> None:
    names = [f"host-{n}.shop.example" for n in range(80)]
    header = "URI=spiffe://cluster.local/ns/shop/sa/users;" + ";".join(f"DNS={name}" for name in names)
    (element,) = parse(header)
    assert element.uris == ("spiffe://cluster.local/ns/shop/sa/users",)
    assert element.dns == tuple(names)


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
SINGLE = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='",;'), max_size=40)
ELEMENTS = st.builds(
    Element,
    by=st.lists(SINGLE, max_size=2).map(tuple),
    hash=SINGLE,
    subject=TEXT.filter(lambda text: not text.endswith("\\")),
    uris=st.lists(TEXT.filter(lambda text: not text.endswith("\\")), max_size=3).map(tuple),
    dns=st.lists(SINGLE, max_size=3).map(tuple),
)


def written(element: Element) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '\\"') + '"'

    pairs = [f"By={value}" for value in element.by] + [f"Hash={element.hash}"]
    pairs += [f"Subject={quoted(element.subject)}"] + [f"URI={quoted(value)}" for value in element.uris]
    return ";".join(pairs + [f"DNS={value}" for value in element.dns])


@given(st.lists(ELEMENTS, min_size=1, max_size=4))
def test_s1_9_what_envoy_writes_is_read_back(elements: list[Element]) -> None:
    # A backslash before a quote cannot be told from an escaped quote: Envoy escapes quotes only.
    unambiguous = [e for e in elements if '\\"' not in e.subject + "".join(e.uris)]
    if unambiguous:
        assert list(parse(",".join(map(written, unambiguous)))) == unambiguous


@given(st.text('",;=\\ abURI', max_size=60))
def test_s1_9_nothing_raises(header: str) -> None:
    assert isinstance(parse(header), tuple)


@pytest.mark.parametrize("piece", ['"', "\\", '\\"', ";", "a=", " ", "a", 'a="', "a=;"])
def test_s1_9_linear_time(piece: str) -> None:
    header = 'URI="' + piece * (16_000 // len(piece))
    assert cpu_seconds(lambda: [parse(header) for _ in range(10)]) < 0.1
