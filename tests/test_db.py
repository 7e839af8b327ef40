"""How values get into the database and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, String, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from hub.db import HubSession, among, engine
from hub.tenants.models import Tenant

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
numbers = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def db(settings):
    made = engine(settings)
    with HubSession(made) as session:
        yield session
    made.dispose()


@given(
    st.lists(
        texts | st.sampled_from(["", "NULL", "null", "{}", '"', "\\", "a,b", " ", '\\"']), max_size=8
    )
)
def test_texts_come_back_as_they_went(db, values):
    assert db.scalar(select(literal(values, ARRAY(String)))) == values


@given(st.lists(numbers, max_size=8))
def test_numbers_come_back_as_they_went(db, values):
    assert db.scalar(select(literal(values, ARRAY(BigInteger)))) == values


@given(st.lists(st.none() | texts, max_size=5), st.lists(st.none() | numbers, max_size=5))
def test_what_is_not_there_stays_so(db, words, values):
    assert db.scalar(select(literal(words, ARRAY(String)))) == words
    assert db.scalar(select(literal(values, ARRAY(BigInteger)))) == values


@given(st.sets(texts, max_size=5), texts)
def test_among_finds_what_is_in_the_list_and_nothing_else(db, values, value):
    assert db.scalar(select(among(literal(value), values))) is (value in values)


def test_among_none_is_nothing(db, tenant):
    assert list(db.scalars(select(Tenant.slug).where(among(Tenant.slug, [])))) == []
