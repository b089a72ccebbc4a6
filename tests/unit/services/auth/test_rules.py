from __future__ import annotations

import pytest

from libs.chassis.clock import utcnow
from libs.chassis.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from libs.chassis.principal import Principal
from services.auth.domain import rules
from services.auth.domain.model import User

ADMIN = User("acme", "ann", "ann@acme.example", "Ann", "ROLE_ADMIN", utcnow())
ARTIST = User("acme", "bob", "bob@acme.example", "Bob", "ROLE_ARTIST", utcnow())


@pytest.mark.parametrize("role_after", [None, "ROLE_LEAD_ARTIST"])
def test_the_last_admin_stays(role_after: str | None) -> None:
    with pytest.raises(FailedPrecondition):
        rules.keep_an_admin(ADMIN, 1, role_after=role_after)
    rules.keep_an_admin(ADMIN, 2, role_after=role_after)
    rules.keep_an_admin(ADMIN, 1, role_after="ROLE_ADMIN")
    rules.keep_an_admin(ARTIST, 1, role_after=role_after)


@pytest.mark.parametrize(
    ("role", "operator", "tenant", "visible"),
    [
        ("ROLE_REVIEWER", False, "acme", True),
        ("ROLE_ADMIN", False, "other", False),
        ("ROLE_ADMIN", True, "other", True),
        ("ROLE_ARTIST", True, "other", False),
    ],
)
def test_who_sees_which_tenant(role: str, operator: bool, tenant: str, visible: bool) -> None:
    caller = Principal("acme", "ann", role, operator)
    if visible:
        rules.visible_tenant(caller, tenant)
    else:
        with pytest.raises(NotFound):
            rules.visible_tenant(caller, tenant)


def test_only_an_admin_manages_the_keys_of_others() -> None:
    artist = Principal("acme", "bob", "ROLE_ARTIST")
    assert rules.owner_of_keys(artist, "") == "bob"
    assert rules.owner_of_keys(artist, "users/bob") == "bob"
    with pytest.raises(PermissionDenied):
        rules.owner_of_keys(artist, "users/ann")
    assert rules.owner_of_keys(Principal("acme", "ann", "ROLE_ADMIN"), "users/bob") == "bob"


def test_an_etag_counts_only_when_it_is_given() -> None:
    ARTIST.require_etag("")
    ARTIST.require_etag(ARTIST.etag)
    with pytest.raises(Aborted):
        ARTIST.require_etag("0123")


@pytest.mark.parametrize("value", ["", "ROLE_UNSPECIFIED"])
def test_what_is_missing_is_named(value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        rules.require("user.role", value)
    assert caught.value.violations[0].field == "user.role"
