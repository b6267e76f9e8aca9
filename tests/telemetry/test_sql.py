"""What a statement does and to which table, never its values."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mesh_telemetry.sql import describe


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


@pytest.mark.parametrize("piece", ["'", "$", "$a$", "/*", '"', "a", "1e", "from ", "%(", "-- \n", "E'\\"])
def test_cost_is_linear_and_bounded(piece: str) -> None:
    began = time.thread_time()
    describe(piece * (1_000_000 // len(piece)))
    assert time.thread_time() - began < 0.5
