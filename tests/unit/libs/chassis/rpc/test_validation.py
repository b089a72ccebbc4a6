from __future__ import annotations

from typing import Literal

import protovalidate
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from protobuf import Oneof

from artifex.auth.v1 import messages_pb2
from libs.chassis.errors import InvalidArgument
from libs.chassis.rpc.interceptors.validation import _path, check_message


def test_a_good_message_passes() -> None:
    check_message(messages_pb2.GetUserRequest(name="users/ann"))


def test_each_field_that_is_wrong_is_named() -> None:
    user = messages_pb2.User(email="nobody", display_name="x" * 300)
    with pytest.raises(InvalidArgument) as caught:
        check_message(messages_pb2.UpdateUserRequest(user=user, update_mask=FieldMask()))
    found = {(violation.field, violation.reason) for violation in caught.value.violations}
    assert found == {("user.email", "string.email"), ("user.display_name", "string.max_len")}
    assert caught.value.message.endswith("(and 1 more)")
    assert caught.value.reason == "ERROR_REASON_REQUEST_INVALID"


def test_no_text_holds_a_nul_character_however_deep_it_lies() -> None:
    user = messages_pb2.User(display_name="a\0b")
    with pytest.raises(InvalidArgument) as caught:
        check_message(messages_pb2.UpdateUserRequest(user=user, update_mask=FieldMask(paths=["\0"])))
    assert {violation.field for violation in caught.value.violations} == {"user.display_name", "update_mask.paths"}
    assert {violation.reason for violation in caught.value.violations} == {"string.nul"}


def test_paths_into_lists_and_maps() -> None:
    element = protovalidate.FieldPathElementPb
    index: Oneof[Literal["index"], int] = Oneof(field="index", value=2)
    key: Oneof[Literal["string_key"], str] = Oneof(field="string_key", value="it's")
    path = protovalidate.FieldPathPb(
        elements=[
            element(field_name="jobs", subscript=index),
            element(field_name="labels", subscript=key),
            element(field_name="name"),
        ]
    )
    assert _path(path) == 'jobs[2].labels["it\'s"].name'
    assert _path(None) == ""
