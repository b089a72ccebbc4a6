"""What is known of a clip before its first step."""

from __future__ import annotations

from artifex.generator.v1 import messages_pb2 as pb
from services.generator.domain.fallback import fallback
from services.generator.domain.laying import laid
from services.generator.domain.prompts.told import Told
from services.generator.domain.provenance import begun
from tests.unit.services.generator.test_generation import generation
from tests.unit.services.generator.test_spec import I2V, NANO

TOLD = Told("a kite, film", "blurry", ("extended by rule",))


def test_what_goes_on_from_a_model_is_recorded_where_it_is_another() -> None:
    record = begun(generation(), NANO, I2V, TOLD)
    assert (record.model, record.weights_digest) == (NANO.name, NANO.weights_digest)
    assert (record.follower, record.follower_weights_digest) == (I2V.name, I2V.weights_digest)
    alone = begun(generation(), NANO, NANO, TOLD)
    assert (alone.follower, alone.follower_weights_digest) == ("", "")


def test_a_render_jobs_clip_says_what_was_taken_otherwise_and_another_was_told_by_its_answer() -> None:
    found = generation()
    found.plan = pb.GenerationPlan(
        adjustments=[pb.Adjustment(field="spec.frame_count", given="41", taken="33", reason="m makes 33 frames")]
    )
    assert list(begun(found, NANO, NANO, TOLD).notes) == ["extended by rule"]
    found.job = "renderJobs/j-1"
    found.provenance = begun(found, NANO, NANO, TOLD)
    said = ["extended by rule", "frame_count: 33 instead of 41 (m makes 33 frames)"]
    assert list(found.provenance.notes) == said
    # Another run has what the first one noted, once.
    found.provenance.notes.append("out of memory")
    assert list(begun(found, NANO, NANO, TOLD).notes) == [*said, "out of memory"]


def test_another_run_tells_by_itself_whether_memory_was_short() -> None:
    found = generation()
    found.provenance = begun(found, NANO, NANO, TOLD)
    step = fallback(laid(NANO, {}), "decode", "cpu")
    assert step is not None
    found.provenance.notes.append(step.note)
    assert list(begun(found, NANO, NANO, TOLD).notes) == ["extended by rule"]
