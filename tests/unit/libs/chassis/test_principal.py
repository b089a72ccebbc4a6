from __future__ import annotations

import pytest

from libs.chassis.errors import Unauthenticated
from libs.chassis.principal import Principal, acting_as, current_principal, find_principal


def test_there_is_no_caller_outside_of_an_rpc() -> None:
    assert find_principal() is None
    with pytest.raises(Unauthenticated) as caught:
        current_principal()
    assert caught.value.reason == "ERROR_REASON_TOKEN_MISSING"


def test_acting_as_holds_for_its_block() -> None:
    ann = Principal("studio", "ann", "ROLE_ARTIST", token="secret")
    with acting_as(ann):
        assert current_principal() is ann
    assert find_principal() is None


def test_the_token_stays_out_of_the_repr() -> None:
    assert "secret" not in repr(Principal("studio", "ann", "ROLE_ARTIST", token="secret"))
