"""Every kernel is tested in every variant that this processor runs."""

from collections.abc import Iterator

import pytest

from libs.kernels import native


@pytest.fixture(params=native.runnable())
def variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the variant in use during the test."""
    name: str = request.param
    with native.using(name):
        yield name
