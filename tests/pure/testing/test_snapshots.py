"""Pictures as snapshots: written, compared, told, shown on a page; and PNG files as other programs write them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.inner import run

from glnn.errors import InputError
from glnn.show.views.png import png
from glnn.testing.pixels import decoded, difference, pixels_of

TESTS = """
import numpy as np, pytest

@pytest.mark.parametrize("name", ["a", "b c"])
def test_picture(snapshot, name):
    picture = np.zeros((20, 30, 3))
    picture[5:VALUE, 3:9] = 0.5
    snapshot(picture)
    snapshot(np.full((4, 4), 7, np.uint8), "grey")
"""
FOLDER = Path("__snapshots__") / "test_pictures"


def project(pytester: pytest.Pytester, value: int = 8) -> None:
    pytester.makepyfile(test_pictures=TESTS.replace("VALUE", str(value)))


def test_a_snapshot_is_written_when_asked_and_held_to(pytester: pytest.Pytester) -> None:
    project(pytester)
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*there is no snapshot *test_picture-a.png yet*", "*pytest --glnn-update*"])
    assert not (pytester.path / FOLDER).exists()
    result = run(pytester, "--glnn-update")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["glnn: 4 snapshots written*"])
    names = ["test_picture-a--grey.png", "test_picture-a.png", "test_picture-b-c--grey.png", "test_picture-b-c.png"]
    assert sorted(file.name for file in (pytester.path / FOLDER).iterdir()) == names
    run(pytester).assert_outcomes(passed=2)
    run(pytester, "--glnn-update").stdout.no_fnmatch_line("glnn: *")  # nothing differs, nothing is written


def test_a_difference_is_told_and_shown(pytester: pytest.Pytester) -> None:
    project(pytester)
    run(pytester, "--glnn-update")
    (pytester.path / "glnn-snapshots.html").unlink(missing_ok=True)
    run(pytester)
    assert not (pytester.path / "glnn-snapshots.html").exists()
    project(pytester, 9)
    result = run(pytester, "--glnn-report=out/page.html")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: 6 pixels (1.00%) differ from *test_picture-a.png by more than 1 of 255, by 128 at most; "
            "the first at row 8, column 3: (128, 128, 128), expected (0, 0, 0)*",
            "glnn: 2 snapshots differ, shown in *page.html",
        ]
    )
    page = (pytester.path / "out" / "page.html").read_text()
    assert page.count("<section>") == 2 and page.count("data:image/png;base64,") == 6
    assert re.findall(r"<figcaption>(\w+)", page) == ["expected", "got", "difference"] * 2
    assert "test_pictures.py::test_picture[a]" in page and "http" not in page


def test_the_page_is_written_by_several_processes(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    project(pytester)
    result = run(pytester, "-n1")
    result.assert_outcomes(failed=2)
    assert (pytester.path / "glnn-snapshots.html").read_text().count("<section>") == 2


def test_small_and_few_differences_are_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np, os
        OFF = int(os.environ.get("OFF", 0))
        def test_a(snapshot):
            picture = np.full((10, 10), 100, np.uint8)
            picture += np.uint8(OFF > 0)
            picture[0, :OFF] = 255
            snapshot(picture, share=0.02)
        def test_twice(snapshot):
            snapshot(np.zeros((2, 2)))
            snapshot(np.zeros((2, 2)))
        """
    )
    run(pytester, "--glnn-update").assert_outcomes(passed=1, failed=1)
    for off, failed in ((0, 0), (2, 0), (3, 1)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OFF", str(off))
            run(pytester, "-k", "test_a").assert_outcomes(passed=1 - failed, failed=failed, deselected=1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_png_files_of_other_programs_are_read(mode: str) -> None:
    random = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(37), np.arange(23))[..., None] * np.arange(1, len(mode) + 1) % 256  # filters pay
    pixels = np.where(random.random((37, 23, 1)) < 0.1, random.integers(0, 256, smooth.shape), smooth).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode).save(file, "png", optimize=True)
    np.testing.assert_array_equal(decoded(file.getvalue(), "a.png"), pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_files_of_ours_are_read_by_other_programs(channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 9, channels)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))).reshape(pixels.shape), pixels)
    np.testing.assert_array_equal(decoded(png(pixels), "a.png"), pixels)


@pytest.mark.parametrize("damage", [b"", b"GIF89a", png(np.zeros((2, 2, 1), np.uint8))[:40]])
def test_a_damaged_snapshot_is_told(damage: bytes) -> None:
    with pytest.raises(InputError, match="a.png: this snapshot cannot be read .*pytest --glnn-update"):
        decoded(damage, "a.png")


def test_other_kinds_of_png_are_told() -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).convert("P").save(file, "png")
    with pytest.raises(InputError, match="colour type 3"):
        decoded(file.getvalue(), "a.png")


def test_what_is_no_picture_is_refused() -> None:
    for picture, told in (
        (np.zeros((2, 2, 2)), "is no picture"),
        (np.zeros(3), "is no picture"),
        (np.array([[0.0, np.nan]]), r"1 values are not finite, the first at \(0, 1, 0\)"),
        (np.array([[0.0, 3.0]]), "from 0 to 3, a picture from 0 .* Give low= and high="),
    ):
        with pytest.raises(InputError, match=told):
            pixels_of(picture)
    np.testing.assert_array_equal(pixels_of(np.array([[-1.0, 1.0]]), -1, 1)[..., 0], [[0, 255]])


def test_differences_are_counted() -> None:
    a = np.zeros((4, 5, 3), np.uint8)
    b = a.copy()
    assert difference(a, b, 0) is None
    b[2, 3, 1], b[3, 0, 2] = 9, 2
    found = difference(a, b, 1)
    assert found is not None and (found.count, found.largest, found.first) == (2, 9, (2, 3))
    found = difference(a, b, 2)
    assert found is not None and found.count == 1 and found.share == 1 / 20
    assert difference(a, b, 9) is None
