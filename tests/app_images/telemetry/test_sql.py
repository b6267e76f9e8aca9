"""What a statement does and to which table, never its values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mesh_telemetry import sql
from otel_mesh_telemetry.sql import describe, query_summary
from tests.app_images.telemetry.passing_time import cpu_seconds


@pytest.mark.parametrize(
    ("query", "summary"),
    [
        ("SELECT id FROM users WHERE id = %s", "SELECT users"),
        ("select * from shop.users u join orders o on true", "SELECT shop.users"),
        ('SELECT 1 FROM "Order Items"', "SELECT Order Items"),
        ('DELETE FROM ONLY "a""b"."c"', 'DELETE a"b.c'),
        ("INSERT INTO users (id) VALUES (1)", "INSERT users"),
        ("UPDATE users SET name = 'x'", "UPDATE users"),
        ("CREATE TABLE IF NOT EXISTS users (id int)", "CREATE users"),
        ("WITH x AS (SELECT 1 FROM inner_t) SELECT * FROM x", "WITH inner_t"),
        ("SELECT * FROM (SELECT 1 FROM deep) AS x", "SELECT deep"),
        ("/* from nowhere */ SELECT 1", "SELECT"),
        ("-- from nowhere\nSELECT 'from users'", "SELECT"),
        ("SELECT EXTRACT(YEAR FROM placed) FROM orders", "SELECT orders"),
        ("SELECT substring(name from 2 for 3), trim(both 'x' from y) FROM users", "SELECT users"),
        ("SELECT a IS DISTINCT FROM b FROM orders", "SELECT orders"),
        ("SELECT a IS NOT DISTINCT FROM b, (SELECT 1 FROM inner_t) FROM orders", "SELECT inner_t"),
        ("SELECT count(*) FILTER (WHERE a) FROM orders FOR UPDATE", "SELECT orders"),
        ("SELECT 1 FOR NO KEY UPDATE SKIP LOCKED", "SELECT"),
        ("DELETE FROM orders USING (SELECT max(id) FROM users) AS u", "DELETE orders"),
        ("SELECT n\u00e4me FROM k\u00fcche", "SELECT k\u00fcche"),
        ("BEGIN", "BEGIN"),
        ("", ""),
        ("42", ""),
    ],
)
def test_summaries(query: str, summary: str) -> None:
    assert describe(query).summary == summary


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("SELECT 'canary', 42, 1.5e3 FROM t", "SELECT ?, ?, ? FROM t"),
        ("SELECT 'it''s canary' || E'a\\'canary'", "SELECT ? || ?"),
        ("SELECT $$canary$$, $tag$ canary $$ canary $tag$", "SELECT ?, ?"),
        ("SELECT 1 -- canary\n FROM t /* canary */", "SELECT ? FROM t"),
        ("SELECT 'canary", "SELECT ?"),
        ("SELECT $$canary", "SELECT ?"),
        ("SELECT 0xC0FFEE, 1_000_000, 1e-5, 2.5E+3, .5, 1.", "SELECT ?, ?, ?, ?, ?, ?"),
        ("SELECT /* a /* b */ canary */ 1", "SELECT ?"),
        ("SELECT U&'canary', x'ff', N'canary', B'101'", "SELECT U&?, x?, N?, B?"),
        ("SELECT /* canary", "SELECT"),
        ("SELECT a1, $1, %s, %(name)s FROM t2", "SELECT a1, $1, %s, %(name)s FROM t2"),
    ],
)
def test_texts_hold_no_values(query: str, text: str) -> None:
    assert describe(query).text == text


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_a_literal_is_never_shown(secret: str) -> None:
    quoted = secret.replace("'", "''")
    assert describe(f"SELECT '{quoted}'").text == "SELECT ?"


def test_the_cache_of_descriptions_is_bounded() -> None:
    sql._describe_cached.cache_clear()  # noqa: SLF001 - what would fill the memory
    for n in range(60):
        huge = f"INSERT INTO t{n} VALUES " + ",".join(["('canary', 1)"] * 70_000)  # noqa: S608 - never run
        found = describe(huge)
        assert found.summary == f"INSERT t{n}"
        assert len(found.text) <= 4096
        assert "canary" not in found.text
    assert sql._describe_cached.cache_info().currsize == 0  # noqa: SLF001 - as above


def test_a_summary_of_the_callers_own_is_one_line_and_bounded() -> None:
    assert sql.given_summary() == ""
    with query_summary("  settle\n open  orders "):
        assert sql.given_summary() == "settle open orders"
        with query_summary("x" * 300):
            assert len(sql.given_summary()) == 255
    assert sql.given_summary() == ""


@pytest.mark.parametrize(
    "piece",
    [
        "/* ",
        "*/",
        "(",
        "FROM (",
        "1_",
        ".5",
        "U&'",
        "'",
        "$",
        "$a$",
        "/*",
        '"',
        "a",
        "1e",
        "from ",
        "%(",
        "-- \n",
        "E'\\",
    ],
)
def test_cost_is_linear_and_bounded(piece: str) -> None:
    query = piece * (1_000_000 // len(piece))
    assert cpu_seconds(lambda: describe(query)) < 0.5
