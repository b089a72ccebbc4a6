from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.ids import new_id
from services.auth.domain import api_keys

KEY_ID = new_id()
SECRET = api_keys.mint(KEY_ID).secret


def test_a_key_names_its_id_and_is_stored_as_a_hash() -> None:
    key = api_keys.mint(KEY_ID)
    assert api_keys.id_in(key.secret) == KEY_ID
    assert key.secret.startswith(key.prefix + "_")
    assert key.digest == api_keys.digest_of(key.secret)
    assert len(key.secret) <= 200  # what CreateToken takes


def test_no_two_keys_share_a_secret() -> None:
    assert len({api_keys.mint(KEY_ID).secret for _ in range(100)}) == 100


@given(st.integers(0, len(SECRET) - 1), st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz_- A"))
def test_one_wrong_character_is_noticed_without_the_database(position: int, character: str) -> None:
    damaged = SECRET[:position] + character + SECRET[position + 1 :]
    assert (api_keys.id_in(damaged) is not None) == (damaged == SECRET)


@given(st.text())
def test_anything_else_is_no_key(text: str) -> None:
    assert api_keys.id_in(text) is None


@given(st.integers(0, len(SECRET) - 1))
def test_a_part_of_a_key_is_no_key(length: int) -> None:
    assert api_keys.id_in(SECRET[:length]) is None
