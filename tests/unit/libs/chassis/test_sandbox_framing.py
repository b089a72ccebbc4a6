import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.sandbox import framing

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.text(), json_values), max_size=4))
def test_frames_are_read_as_they_were_written(messages: list[dict[str, object]]) -> None:
    stream = io.BytesIO(b"".join(framing.encode(message) for message in messages))
    assert [framing.read(stream) for _ in messages] == messages
    assert framing.read(stream) is None


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError):
        framing.encode({"path": object()})
    with pytest.raises(ValueError, match="JSON compliant"):
        framing.encode({"value": float("nan")})


def test_a_frame_has_a_limit() -> None:
    with pytest.raises(ValueError, match="64 MiB"):
        framing.encode({"value": "x" * framing.MAX_FRAME})
