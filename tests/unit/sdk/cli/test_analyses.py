from __future__ import annotations

from artifex.cli.graph import analysis_text
from artifex.graph.v1 import plan_pb2 as pb


def test_an_analysis_is_told_with_what_it_reads_and_whether_it_is_known() -> None:
    analysis = pb.PlanAnalysis(
        node="mix",
        type="AudioMixer",
        name="loudness",
        state=pb.PlanAnalysis.STATE_NEEDED,
        inputs=[pb.PlanInput(name="audio"), pb.PlanInput(name="audio.1")],
        after=["pre"],
    )
    about = "mix (AudioMixer) needs the loudness of the whole clip (audio, audio.1): "
    assert analysis_text(analysis) == about + "analysed first, after pre"
    analysis.state = pb.PlanAnalysis.STATE_STORED
    assert analysis_text(analysis) == about + "known from before"
