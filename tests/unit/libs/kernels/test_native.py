"""Which library is loaded, that it is one of these sources, and that no kernel touches what is not its own."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.kernels import build, native, processor
from libs.kernels.threads import over_rows


@pytest.fixture
def asked() -> Iterator[None]:
    """The override is read anew in the test and after it."""
    native._wanted.cache_clear()
    yield
    native._wanted.cache_clear()


def test_the_best_variant_is_taken_unless_another_is_asked_for(monkeypatch: pytest.MonkeyPatch, asked: None) -> None:
    monkeypatch.delenv(native.OVERRIDE, raising=False)
    assert native.variant() == native.runnable()[0]
    native._wanted.cache_clear()
    monkeypatch.setenv(native.OVERRIDE, "numpy")
    assert native.variant() == "numpy"
    assert native.library() is None


def test_a_variant_that_is_not_there_is_an_error_that_names_those_which_are(
    monkeypatch: pytest.MonkeyPatch, asked: None
) -> None:
    monkeypatch.setenv(native.OVERRIDE, "v9")
    with pytest.raises(RuntimeError, match=r"ARTIFEX_KERNELS asks for 'v9'; here there are auto, .*numpy"):
        native.variant()


def test_a_processor_gets_no_instructions_that_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The features that /proc/cpuinfo lists on a Haswell, a Nehalem and an old Core."""
    haswell = "cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2 abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
    for flags, allowed in (
        (haswell, {"v3", "v2"}),
        ("cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2", {"v2"}),
        ("sse2", set()),
    ):
        features = frozenset(flags.split())
        monkeypatch.setattr(processor, "_features", lambda features=features: features)
        native.runnable.cache_clear()
        assert set(native.runnable()) - {native.NUMPY} <= allowed
    monkeypatch.undo()
    native.runnable.cache_clear()


def test_it_is_told_when_numpy_must_do(
    monkeypatch: pytest.MonkeyPatch, asked: None, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(native.OVERRIDE, raising=False)
    monkeypatch.setattr(native, "runnable", lambda: (native.NUMPY,))
    assert native.variant() == native.NUMPY
    assert "NumPy does their work" in caplog.text


def test_the_built_libraries_are_of_these_sources() -> None:
    if native.runnable() == (native.NUMPY,):
        pytest.skip("no native kernels on this platform")
    assert build.up_to_date()
    assert build.build() == "the native kernels are up to date"


def test_a_library_of_other_sources_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    name = native.runnable()[0]
    if name == native.NUMPY:
        pytest.skip("no native kernels on this platform")
    monkeypatch.setattr(native, "sources_hash", lambda: "another")
    with pytest.raises(RuntimeError, match=rf"kernels-{name}\.so was compiled from other sources: run `make setup`"):
        native._load.__wrapped__(name)


def test_without_the_compiler_the_builder_says_so_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "BUILT", tmp_path / "built")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "NumPy does" in build.build()
    assert not (tmp_path / "built").exists()


def test_no_kernel_reads_or_writes_outside_its_arrays() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.unit.libs.kernels.guarded"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == list(native.runnable())


@pytest.mark.parametrize(
    ("count", "threads", "multiple"), [(1, 4, 1), (10, 3, 1), (10, 3, 4), (100, 2, 32), (7, 50, 1), (0, 2, 1)]
)
def test_rows_are_shared_out_once_each(count: int, threads: int, multiple: int) -> None:
    seen: list[tuple[int, int]] = []
    over_rows(lambda first, rows: seen.append((first, rows)), count, threads, multiple)
    assert sorted(row for first, rows in seen for row in range(first, first + rows)) == list(range(count))
    assert len(seen) <= threads
    assert all(first % multiple == 0 for first, _ in seen)


def test_an_error_on_any_thread_is_the_callers() -> None:
    def fails(first: int, rows: int) -> None:
        if first:
            raise MemoryError(f"at {first}")

    with pytest.raises(MemoryError, match="at 5"):
        over_rows(fails, 10, 2)
