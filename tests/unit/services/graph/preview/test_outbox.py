"""What waits for a client: bounded, newest first, nothing that matters lost."""

from __future__ import annotations

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import preview_pb2 as pb
from services.graph.preview.outbox import Outbox


def picture(frame: int) -> list[pb.PreviewResponse]:
    return [
        pb.PreviewResponse(picture=pb.PreviewPicture(frame=frame)),
        pb.PreviewResponse(chunk=pb.PreviewChunk(offset=3)),
    ]


def status(message: str = "") -> pb.PreviewResponse:
    failure = types_pb2.Failure(message=message) if message else None
    return pb.PreviewResponse(status=pb.PreviewStatus(failure=failure))


def test_the_newest_picture_takes_the_place_of_one_that_waits() -> None:
    outbox = Outbox()
    outbox.show(picture(1), playing=False)
    outbox.show(picture(2), playing=True)
    outbox.show(picture(3), playing=False)
    head, chunk = outbox.take()
    assert (head.picture.frame, head.picture.id, chunk.chunk.id) == (3, 1, 1)
    assert outbox.take() == []
    assert outbox.empty
    counters = outbox.counters
    assert (counters.sent, counters.superseded, counters.dropped) == (1, 1, 1)


def test_a_window_holds_pictures_back_until_they_are_acknowledged() -> None:
    outbox = Outbox()
    outbox.window = 2
    for frame in (1, 2):
        outbox.show(picture(frame), playing=False)
        assert outbox.take()
    outbox.show(picture(3), playing=False)
    assert outbox.take() == []
    # Of what was never sent nobody can have taken anything.
    outbox.acknowledge(99)
    assert outbox.take()[0].picture.id == 3


def test_words_wait_once_of_each_kind_and_a_failure_stays() -> None:
    outbox = Outbox()
    outbox.say(status("it died"))
    outbox.say(pb.PreviewResponse(problems=pb.PreviewProblems(revision=2)))
    outbox.say(status())
    outbox.say(pb.PreviewResponse(problems=pb.PreviewProblems(revision=3)))
    first, second = outbox.take()
    assert first.status.failure.message == "it died"
    assert second.problems.revision == 3
    assert outbox.take() == []


def test_words_and_pictures_come_in_their_order_unless_the_picture_must_wait() -> None:
    outbox = Outbox()
    outbox.window = 1
    outbox.say(pb.PreviewResponse(problems=pb.PreviewProblems()))
    outbox.show(picture(1), playing=True)
    outbox.say(status())
    kinds = [outbox.take()[0].WhichOneof("response") for _ in range(3)]
    assert kinds == ["problems", "picture", "status"]
    outbox.show(picture(2), playing=True)
    outbox.say(status())
    assert [outbox.take()[0].WhichOneof("response")] == ["status"]
    assert outbox.take() == []
    outbox.acknowledge(1)
    assert outbox.take()[0].HasField("picture")
