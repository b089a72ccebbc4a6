"""Our sampling loop against diffusers' own pipeline, in Triton's environment."""

from __future__ import annotations

from tests.integration.generator.conftest import Scripts


def test_our_loop_makes_the_pixels_of_the_plain_pipelines_however_often_it_is_put_down(scripts: Scripts) -> None:
    cases = scripts("parity")
    clips = [case for case in cases if "difference" in case]
    assert [(case["kind"], len(case["pictures"])) for case in clips] == [
        *[("t2v", 0)] * 4,
        ("i2v", 1),
        ("i2v", 2),
        ("ti2v", 0),
        ("ti2v", 1),
    ]
    assert [(case["difference"], case["glimpse"]) for case in clips] == [(0, 0)] * 8
    assert clips[3]["shape"] == [1, 48, 80, 3]
    assert set(clips[0]["experts"]) == {"high_noise", "low_noise"}
    assert all(case["resumed"] and all(case["resumed"]) for case in cases if "kind" in case)
    assert [(case["kind"], case["sampler"]) for case in cases if "sampler" in case] == [
        (kind, sampler) for kind in ("t2v", "i2v", "ti2v") for sampler in ("euler", "lcm")
    ]
    seeds = [case for case in cases if "seed" in case]
    # Below 2**32 a seed means what it means to diffusers; above, all of its bits count.
    assert [case["own"] for case in seeds] == [True, False, False, False, False]
    assert all(case["again"] for case in seeds)
    assert len({clip for case in seeds for clip in case["clip"]}) == 2 * len(seeds)
    for case in seeds:
        assert max(map(abs, case["drawn"])) < 4.5
        assert len(set(case["drawn"])) == 16
