"""Kernels of other packages: folders that are added, and what is said of those that cannot be."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from glnn.errors import InputError, KernelError
from glnn.kernels import add_folder, files
from glnn.kernels.files import kernel_names, load_kernel

KERNEL = "#pragma glnn input x\nvec4 kernel(int n, int h, int w, int c) { return x(n, h, w, c); }\n"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test adds is known to that test alone."""
    yield
    files._ADDED.clear()
    load_kernel.cache_clear()


def folder(place: Path, *names: str) -> Path:
    place.mkdir(parents=True)
    for name in names:
        (place / f"{name}.glsl").write_text(KERNEL)
    (place / "notes.txt").write_text("no kernel")
    return place


def test_kernels_of_a_folder_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = folder(tmp_path / "own", "mine_b", "mine_a")
    monkeypatch.chdir(tmp_path)
    assert add_folder("own") == ["mine_a", "mine_b"]  # a relative path stays what it was when it was given
    monkeypatch.chdir("/")
    source = load_kernel("mine_a")
    assert source.file == str(own / "mine_a.glsl") and source.declared["input"] == ("x",)
    assert "mine_a" not in kernel_names()  # those are glnn's own


def test_a_folder_added_again_is_read_anew(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", "mine_a")
    add_folder(own)
    assert load_kernel("mine_a").declared["param"] == ()
    (own / "mine_a.glsl").write_text("#pragma glnn param K\n" + KERNEL)
    (own / "mine_b.glsl").write_text(KERNEL)
    assert add_folder(own) == ["mine_a", "mine_b"]
    assert load_kernel("mine_a").declared["param"] == ("K",)
    (own / "mine_a.glsl").unlink()
    add_folder(own)
    with pytest.raises(KernelError, match="no kernel file shaders/kernels/mine_a.glsl"):
        load_kernel("mine_a")


def test_a_folder_of_a_package_need_not_be_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as made:
        made.writestr("glnn_zipped/__init__.py", "")
        made.writestr("glnn_zipped/kernels/zipped.glsl", KERNEL)
    monkeypatch.syspath_prepend(tmp_path / "own.zip")
    assert add_folder(resources.files("glnn_zipped").joinpath("kernels")) == ["zipped"]
    assert load_kernel("zipped").file.endswith("own.zip/glnn_zipped/kernels/zipped.glsl")


def test_a_name_that_is_taken_is_refused_with_both_files(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "first", "mine_a"), folder(tmp_path / "second", "mine_b", "mine_a")
    add_folder(first)
    with pytest.raises(KernelError, match="two kernels are called 'mine_a': .*second.*mine_a.glsl and .*first.*mine_a"):
        add_folder(second)
    with pytest.raises(KernelError, match="mine_b"):
        load_kernel("mine_b")  # nothing of a folder that was refused is known
    with pytest.raises(KernelError, match=r"third.*conv.glsl and glnn's own shaders/kernels/conv.glsl. Rename"):
        add_folder(folder(tmp_path / "third", "conv"))


def test_what_is_no_folder_of_kernels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder .*missing"):
        add_folder(tmp_path / "missing")
    with pytest.raises(InputError, match="holds no file <name>.glsl"):
        add_folder(folder(tmp_path / "bare"))
    with pytest.raises(InputError, match="7 was given; give a path"):
        add_folder(7)  # type: ignore[arg-type]
    (tmp_path / "file.glsl").write_text(KERNEL)
    with pytest.raises(InputError, match="there is no folder .*file.glsl"):
        add_folder(tmp_path / "file.glsl")


def test_an_unknown_kernel_tells_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"folders that were added \(none\). Close: conv"):
        load_kernel("convo")
    own = folder(tmp_path / "own", "mine_a")
    add_folder(own)
    with pytest.raises(KernelError, match=rf"\({own}\). Close: mine_a. A folder of your own"):
        load_kernel("mine_aa")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", "mine_a")
    add_folder(own)
    (own / "mine_a.glsl").write_bytes(b"\xff\xfe")
    with pytest.raises(KernelError, match="own/mine_a.glsl: this kernel file cannot be read as text"):
        load_kernel("mine_a")
    (own / "mine_a.glsl").write_text("#pragma glnn inputs x\n")
    with pytest.raises(KernelError, match=r"own/mine_a.glsl:1:14: unknown pragma 'inputs'"):
        load_kernel("mine_a")
