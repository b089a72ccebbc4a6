"""What a worker tells of itself, and what the graph service makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from libs.chassis.bus import Bus
from services.graph.adapters import workers as adapter
from services.graph.adapters.workers import BusWorkers
from services.graph.domain.jobs.workers import REMEMBERED, SILENCE, WorkerState
from services.graph.settings import WorkerSettings
from services.graph.worker.conduct import Conduct
from services.graph.worker.presence import Presence, cpu_features


def make(name: str = "box:7") -> tuple[Presence, Conduct]:
    conduct = Conduct(timedelta(seconds=30), lambda: None)
    settings = WorkerSettings(concurrency=2, threads=3, memory_bytes=1 << 30)
    return Presence(name, settings, conduct), conduct


def listening() -> tuple[BusWorkers, list[int]]:
    changes: list[int] = []
    return BusWorkers(Bus("nats://127.0.0.1:1", name="unused"), lambda: changes.append(1)), changes


def test_a_worker_is_known_by_what_it_tells() -> None:
    presence, conduct = make()
    workers, changes = listening()
    presence.node_types = ["Blur 1.0.0"]
    workers.heard(presence.heartbeat().SerializeToString())
    presence.busy = 2
    conduct.did()
    workers.heard(presence.heartbeat().SerializeToString())
    farm = workers.farm()
    (worker,) = farm.workers
    assert (worker.id, worker.slots, worker.busy, worker.threads) == ("box:7", 2, 2, 3)
    assert (worker.memory_bytes, worker.kinds, worker.node_types) == (
        1 << 30,
        ("analyse", "capture", "frames", "audio"),
        ("Blur 1.0.0",),
    )
    assert worker.tasks_done == 1
    assert worker.state(farm.now) is WorkerState.BUSY
    assert farm.places() == 2
    # A new worker is news; that it is still there is not.
    assert len(changes) == 1


def test_one_that_says_goodbye_is_not_lost_and_one_that_falls_silent_is(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, _ = listening()
    for name in ("gone:1", "dead:2"):
        workers.heard(make(name)[0].heartbeat().SerializeToString())
    leaving, _ = make("gone:1")
    leaving.leaving = True
    workers.heard(leaving.heartbeat().SerializeToString())
    start = workers.farm().now
    for later, states in (
        (SILENCE - timedelta(seconds=1), [WorkerState.IDLE]),
        (SILENCE + timedelta(seconds=1), [WorkerState.LOST]),
        (REMEMBERED + timedelta(seconds=1), []),
    ):
        monkeypatch.setattr(adapter, "utcnow", lambda later=later: start + later)
        farm = workers.farm()
        assert [worker.state(farm.now) for worker in farm.workers] == states
        assert farm.places() == 2 * states.count(WorkerState.IDLE)


def test_one_that_rests_has_no_places_until_it_is_fit() -> None:
    presence, conduct = make()
    workers, changes = listening()
    for number in range(3):
        conduct.failed_at(f"job {number}", "frames:0", "out of memory")
    workers.heard(presence.heartbeat().SerializeToString())
    farm = workers.farm()
    assert [worker.state(farm.now) for worker in farm.workers] == [WorkerState.RESTING]
    assert farm.places() == 0
    assert "out of memory" in farm.resting()[0].rest_reason
    conduct.rest_until = None
    workers.heard(presence.heartbeat().SerializeToString())
    assert workers.farm().places() == 2
    assert len(changes) == 2


def test_noise_is_no_worker() -> None:
    workers, _ = listening()
    workers.heard(b"\xff\xff\xff")
    assert workers.farm().workers == ()


def test_processor_features(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx2 sse4_2 avx512f nonsense\nprocessor : 1\nflags : avx2\n")
    assert cpu_features(cpuinfo) == ["avx2", "avx512f", "sse4_2"]
    assert cpu_features(tmp_path / "none") == []
