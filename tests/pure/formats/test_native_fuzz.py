"""Files in glnn's own format damaged at random: they load, or the exception is glnn's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.formats import parts, small

from glnn.errors import GlnnError
from glnn.formats import load
from glnn.formats.native.write import save

fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(small(), tmp_path_factory.mktemp("fuzz") / "m.glnn")


def tried(path: Path, raw: bytes) -> bool:
    """Whether a damaged file loads; it may (a name changed), or be refused, but nothing else."""
    damaged = path.with_name("damaged.glnn")
    damaged.write_bytes(raw)
    try:
        load(damaged)
    except GlnnError:
        return False
    return True


@fuzzed
@given(data=st.data())
def test_no_truncation_gets_through(whole: Path, data: st.DataObject) -> None:
    raw = whole.read_bytes()
    assert not tried(whole, raw[: data.draw(st.integers(0, len(raw) - 1))])


@fuzzed
@given(data=st.data())
def test_no_flipped_byte_of_the_header_does_harm(whole: Path, data: st.DataObject) -> None:
    raw = bytearray(whole.read_bytes())
    end = 8 + int.from_bytes(raw[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    tried(whole, bytes(raw))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "0", "kernel", "left", "relu", "Dense"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["float", "function", "constants", "units", "uint4", "shape", "name"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@fuzzed
@given(data=st.data())
def test_no_other_value_in_the_graph_does_harm(whole: Path, data: st.DataObject) -> None:
    """Any value of the graph replaced by any other: damage that still is JSON."""
    header, graph, rest = parts(whole)
    holder: Any = graph
    while True:
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or data.draw(st.integers(0, 4)) == 0:
            break
        holder = holder[key]
    holder[key] = data.draw(JSON)
    header["__metadata__"]["glnn"] = json.dumps(graph)
    text = json.dumps(header).encode()
    tried(whole, len(text).to_bytes(8, "little") + text + rest)
