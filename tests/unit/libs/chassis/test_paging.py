from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.errors import InvalidArgument
from libs.chassis.paging import decode_page_token, encode_page_token, page_size, read_page


@dataclass(frozen=True)
class Request:
    page_size: int
    page_token: str


@given(st.text(), st.text(), st.text())
def test_a_token_gives_its_key_back(method: str, key: str, tenant: str) -> None:
    assert decode_page_token(method, encode_page_token(method, key, tenant), tenant) == key


@given(st.text(min_size=1))
def test_noise_is_no_token(noise: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        decode_page_token("/x/List", noise, "studio")
    assert caught.value.reason == "ERROR_REASON_PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(("method", "tenant"), [("/x/Other", "studio"), ("/x/List", "other")])
def test_a_token_counts_for_its_call_and_tenant_alone(method: str, tenant: str) -> None:
    token = encode_page_token("/x/List", "01j", "studio")
    with pytest.raises(InvalidArgument):
        decode_page_token(method, token, tenant)


def test_a_changed_token_is_refused() -> None:
    token = encode_page_token("/x/List", "01jabc", "studio")
    with pytest.raises(InvalidArgument):
        decode_page_token("/x/List", token[:-2] + ("aa" if not token.endswith("aa") else "bb"), "studio")


def test_the_first_page_has_no_token() -> None:
    assert decode_page_token("/x/List", "", "studio") == ""


@pytest.mark.parametrize(("asked", "given_"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000)])
def test_page_sizes(asked: int, given_: int) -> None:
    assert page_size(asked) == given_


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        page_size(-1)


@given(st.sets(st.integers(0, 99)), st.integers(1, 7))
async def test_pages_make_the_whole_list(numbers: set[int], size: int) -> None:
    names = sorted(f"{number:02}" for number in numbers)

    async def read(after: str, limit: int) -> list[str]:
        return [name for name in names if name > after][:limit]

    seen: list[str] = []
    token = ""
    while True:
        page = await read_page("/x/List", "studio", Request(size, token), read, str)
        assert len(page.items) <= size
        seen += page.items
        token = page.next_token
        if not token:
            break
    assert seen == names
