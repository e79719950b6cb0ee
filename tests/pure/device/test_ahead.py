"""When programs are compiled ahead, and which."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any

import pytest

from glnn.device import ahead
from glnn.layout.limits import Limits

LLVMPIPE = "llvmpipe (LLVM 15.0.6, 256 bits)"


def job(draw: int) -> ahead.Job:
    return ahead.Job(draw, "vertex", f"fragment {draw}", (), (), (1, 1, 1, "float32"), 1)


class Screen:
    """A screen that waits before it compiles, until the test lets it."""

    def __init__(self, renderer: str):
        self.compiled: list[int] = []
        self.turn = threading.Semaphore(0)
        screens.append(self)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *raised: object) -> None: ...

    def compile(self, job: ahead.Job) -> None:
        self.turn.acquire()
        self.compiled.append(job.draw)


screens: list[Screen] = []


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    screens.clear()
    monkeypatch.setattr(ahead, "Screen", Screen)


def test_the_last_programs_are_compiled_until_the_draws_reach_them() -> None:
    drawn: list[Any] = []
    thread = ahead.Ahead([job(k) for k in (0, 2, 3, 7, 9)], LLVMPIPE, lambda *draw: drawn.append(draw))
    with thread as draw:
        for k in range(3):
            draw("program", k)
        while not screens:
            pass
        screens[0].turn.release(9)
        thread.thread.join()
    assert screens[0].compiled == [9, 7] and thread.compiled == 2
    assert drawn == [("program", k) for k in range(3)]


def test_a_draw_waits_for_its_program_where_the_thread_is_at_it() -> None:
    drawn: list[int] = []
    thread = ahead.Ahead([job(k) for k in (0, 1)], LLVMPIPE, lambda k: drawn.append(k))
    with thread as draw:
        while thread._at != 1:
            pass
        draw(0)
        late = threading.Thread(target=draw, args=(1,))
        late.start()
        late.join(0.05)
        assert drawn == [0] and late.is_alive()
        screens[0].turn.release()
        late.join()
    thread.thread.join()
    assert drawn == [0, 1] and screens[0].compiled == [1]


def test_a_thread_ends_with_the_draws() -> None:
    thread = ahead.Ahead([job(k) for k in range(9)], LLVMPIPE, lambda *draw: None)
    with thread:
        pass
    while not screens:
        pass
    screens[0].turn.release(9)
    thread.thread.join()
    assert len(screens[0].compiled) <= 1


def test_one_thread_compiles_at_a_time() -> None:
    first = ahead.Ahead([job(1)], LLVMPIPE, lambda *draw: None)
    while not screens:
        pass
    second = ahead.Ahead([job(1)], LLVMPIPE, lambda *draw: None)
    second.thread.join()
    screens[0].turn.release()
    first.thread.join()
    assert len(screens) == 1 and (first.compiled, second.compiled) == (1, 0)


def test_a_display_that_is_not_there_leaves_it_to_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(renderer: str) -> Any:
        raise RuntimeError("no display")

    monkeypatch.setattr(ahead, "Screen", fail)
    thread = ahead.Ahead([job(1)], LLVMPIPE, lambda *draw: None)
    thread.thread.join()
    assert thread.compiled == 0


def test_programs_are_compiled_ahead_where_that_gains_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ahead.OURS, *ahead.OFF):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    limits = Limits()
    assert ahead.wanted(LLVMPIPE, limits, 1e-6)
    assert not ahead.wanted(LLVMPIPE, limits, 2e-7)  # a cache knew the program
    assert not ahead.wanted("NVIDIA H100", limits, 0.1)
    assert not ahead.wanted(LLVMPIPE, replace(limits, dialect="es100"), 0.1)
    for name, value in ((ahead.OURS, "0"), *((name, "true") for name in ahead.OFF)):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert not ahead.wanted(LLVMPIPE, limits, 0.1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    assert not ahead.wanted(LLVMPIPE, limits, 0.1)
