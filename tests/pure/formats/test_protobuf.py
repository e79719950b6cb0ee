"""The reader of Protocol Buffers, against what Google's own library writes (by the messages of ONNX)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glnn.errors import ModelFileError
from glnn.formats.protobuf import DEPTH, Field, read_message, varints

onnx = pytest.importorskip("onnx")
SCHEMA = {
    "Tensor": {
        1: Field("dims", "int", True),
        2: Field("data_type", "int"),
        4: Field("float_data", "float", True),
        5: Field("int32_data", "int", True),
        6: Field("string_data", "bytes", True),
        7: Field("int64_data", "int", True),
        8: Field("name", "string"),
        9: Field("raw_data", "bytes"),
        10: Field("double_data", "double", True),
        11: Field("uint64_data", "uint", True),
    },
    "Attribute": {
        1: Field("name", "string"),
        2: Field("f", "float"),
        3: Field("i", "int"),
        4: Field("s", "bytes"),
        5: Field("t", "Tensor"),
        7: Field("floats", "float", True),
        8: Field("ints", "int", True),
        10: Field("tensors", "Tensor", True),
    },
    "Deep": {1: Field("inner", "Deep")},
    "Numbers": {1: Field("z", "sint"), 2: Field("b", "bool"), 3: Field("x", "fixed64"), 4: Field("zs", "sint", True)},
}


def read(message: Any, name: str) -> dict[str, Any]:
    return read_message(message.SerializeToString(), SCHEMA, name, "m.bin")


def tag(number: int, wire: int) -> bytes:
    return bytes([number << 3 | wire])


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.integers(0, 2**64 - 1)),
    st.lists(st.floats(width=32, allow_nan=False)),
    st.lists(st.binary()),
    st.text(st.characters(codec="utf-8")),
)
def test_as_google_writes_it(ints: Any, uints: Any, floats: Any, texts: Any, name: str) -> None:
    tensor = onnx.TensorProto(
        dims=ints, int64_data=ints, uint64_data=uints, float_data=floats, double_data=floats, string_data=texts,
        raw_data=b"".join(texts), name=name, data_type=1,
    )  # fmt: skip
    found = read(
        onnx.AttributeProto(t=tensor, i=ints[0] if ints else 0, ints=ints, tensors=[tensor, tensor]), "Attribute"
    )
    assert len(found["tensors"]) == 2
    for made in (found["t"], *found["tensors"]):
        for key, wanted in {"dims": ints, "int64_data": ints, "uint64_data": uints, "float_data": floats}.items():
            assert list(made.get(key, [])) == wanted
        assert list(made.get("double_data", [])) == floats
        assert [bytes(text) for text in made.get("string_data", [])] == texts
        assert bytes(made.get("raw_data", b"")) == b"".join(texts) and made.get("name", "") == name
    assert found.get("i", 0) == (ints[0] if ints else 0)


def test_bytes_and_packed_floats_are_views() -> None:
    data = bytearray(onnx.TensorProto(raw_data=b"abcd", float_data=[1.0, 2.0]).SerializeToString())
    found = read_message(data, SCHEMA, "Tensor", "m.bin")
    data[data.index(b"abcd")] = ord("X")
    assert bytes(found["raw_data"]) == b"Xbcd"
    assert not found["float_data"].flags.owndata


def test_numbers_of_other_kinds() -> None:
    data = tag(1, 0) + b"\x03" + tag(2, 0) + b"\x01" + tag(3, 1) + bytes(7) + b"\x80" + tag(4, 2) + b"\x03\x01\x02\x7f"
    found = read_message(data, SCHEMA, "Numbers", "m.bin")
    assert found["z"] == -2 and found["b"] is True and found["x"] == 2**63
    assert found["zs"].tolist() == [-1, 1, -64]


def test_fields_that_are_not_wanted() -> None:
    """Of every wire type, groups in each other too; the last of two values counts; messages of one field join."""
    group = tag(14, 3) + tag(15, 3) + tag(3, 0) + b"\x07" + tag(15, 4) + tag(14, 4)
    data = group + tag(12, 0) + b"\xff\x01" + tag(12, 1) + bytes(8) + tag(12, 5) + bytes(4) + tag(12, 2) + b"\x02xy"
    data += tag(3, 0) + b"\x05" + tag(3, 0) + b"\x06"
    assert read_message(data, SCHEMA, "Attribute", "m.bin") == {"i": 6}
    twice = tag(5, 2) + b"\x02" + tag(2, 0) + b"\x09" + tag(5, 2) + b"\x03" + tag(8, 2) + b"\x01n"
    assert read_message(twice, SCHEMA, "Attribute", "m.bin") == {"t": {"data_type": 9, "name": "n"}}


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        size, length = len(data), b""
        while size > 0x7F:
            length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
        data = tag(1, 2) + length + bytes([size]) + data
    return data


@pytest.mark.parametrize(
    "data, name, word",
    [
        (b"\x08", "Tensor", "a number has no end"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "Tensor", "a number has no end"),
        (tag(8, 2) + b"\x05abc", "Tensor", "field 8 ends at byte 7"),
        (tag(8, 2) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "Tensor", "field 8 ends at byte"),
        (tag(8, 2) + b"\x02\xff\xfe", "Tensor", "not UTF-8"),
        (tag(8, 0) + b"\x02", "Tensor", "Tensor.name is no string"),
        (tag(9, 5) + bytes(4), "Tensor", "Tensor.raw_data is no bytes"),
        (tag(4, 2) + b"\x03abc", "Tensor", "Tensor.float_data is no float"),
        (tag(2, 5) + bytes(4), "Tensor", "Tensor.data_type is no int"),
        (tag(5, 0) + b"\x01", "Attribute", "Attribute.t is no Tensor"),
        (tag(7, 2) + b"\x01\x80", "Tensor", "Tensor.int64_data: a number has no end"),
        (tag(7, 2) + b"\x0b" + b"\x80" * 10 + b"\x01", "Tensor", "more than 64 bits"),
        (tag(1, 6) + b"\x00", "Tensor", "wire type 6"),
        (tag(1, 4), "Tensor", "wire type 4"),
        (tag(1, 3), "Tensor", "group 1 has no end"),
        (b"\x00\x00", "Tensor", "field number 0"),
        (nested(DEPTH + 2), "Deep", f"more than {DEPTH} deep"),
    ],
)
def test_damaged(data: bytes, name: str, word: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        read_message(data, SCHEMA, name, "m.bin")
    assert str(caught.value).startswith("m.bin: ") and word in str(caught.value)


def test_as_deep_as_others_read() -> None:
    read_message(nested(DEPTH), SCHEMA, "Deep", "m.bin")


def test_a_file_of_fields_alone_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glnn.formats.protobuf.MOST_FIELDS", 1000)
    with pytest.raises(ModelFileError, match="more than 1000 fields"):
        read_message(tag(12, 2) + b"\x00" + (tag(12, 2) + b"\x00") * 1000, SCHEMA, "Tensor", "m.bin")


def test_every_cut_and_change() -> None:
    tensor = onnx.TensorProto(dims=[3, 300], int64_data=[1, 2**60], float_data=[1.5], name="abc", raw_data=b"xyz")
    data = onnx.AttributeProto(name="n", t=tensor, ints=[1, 200]).SerializeToString()
    for k in range(len(data)):
        for changed in (data[:k], *(data[:k] + bytes([data[k] ^ 1 << bit]) + data[k + 1 :] for bit in range(8))):
            try:
                read_message(changed, SCHEMA, "Attribute", "m.bin")
            except ModelFileError as error:
                assert str(error).startswith("m.bin: ")


def test_many_packed_numbers_are_read_at_once() -> None:
    values = np.random.default_rng(0).integers(0, 2**63, 300_000, np.uint64) >> np.uint64(20)
    data = onnx.TensorProto(uint64_data=values.tolist()).SerializeToString()
    start = time.perf_counter()
    found = read_message(data, SCHEMA, "Tensor", "m.bin")["uint64_data"]
    assert time.perf_counter() - start < 1
    np.testing.assert_array_equal(found, values)
    assert varints(np.empty(0, np.uint8)).size == 0
