"""What is given to a page while something else is under way, by whatever way: what came last counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.pages_seen import choose, comes, png, seen, wait_for_text

if TYPE_CHECKING:
    from playwright.sync_api import Page

DECODED = 4  # 255ths of white that a video's colours are off, for their way through YUV
# Calls of a method wait until the test lets them go one by one, by a word that is an error if there is one.
HOLD = """([whose, method]) => {
  const object = whose.split(".").reduce((outer, name) => outer[name], globalThis), real = object[method];
  globalThis.waiting = [];
  object[method] = async function (...args) {
    const word = await new Promise((go) => waiting.push(go));
    if (word) throw new Error(word);
    return real.apply(this, args);
  };
  globalThis.go = (word, which = 0) => waiting.splice(which, 1)[0](word);
}"""
# A camera that shows a canvas, in the colour that the test says; it is handed out when the test says `go`.
CAMERA = """() => {
  globalThis.scene = Object.assign(document.createElement("canvas"), {width: 64, height: 48});
  const context = scene.getContext("2d");
  globalThis.colour = "rgb(200, 60, 20)";
  setInterval(() => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 64, 48);
  }, 20);
  globalThis.streams = [];
  globalThis.frames = new Set();
  navigator.mediaDevices.getUserMedia = async () => {
    const stream = scene.captureStream();
    streams.push(stream);
    return stream;
  };
  const predict = model.predict;
  model.predict = (inputs) => {
    frames.add(Object.values(inputs)[0].constructor.name);
    return predict.call(model, inputs);
  };
}"""
LIVING = "streams.flatMap((stream) => stream.getTracks()).filter((track) => track.readyState === 'live').length"


def hold(page: Page, whose: str, method: str) -> None:
    page.evaluate(HOLD, [whose, method])


def until(page: Page, true: str) -> None:
    """Waits until an expression is true; wait_for_function would need eval, which the policy bars."""
    for _ in range(3000):
        if page.evaluate(true):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never: {true}")


def black(page: Page) -> None:
    choose(page, "black.png", png(np.zeros((6, 10, 3))))


def test_what_is_typed_while_a_prediction_runs_counts(opened: Callable[..., Page]) -> None:
    page = opened("series")
    wait_for_text(page, "#output figcaption", "6 values after 32, 0 to 31")
    hold(page, "model", "predict")
    area = page.locator("#input")
    area.fill(" ".join(["1"] * 32))
    area.fill(" ".join(["1"] * 31))
    page.evaluate("go()")
    page.wait_for_selector("#output .empty")
    area.fill(" ".join(["2"] * 32))
    area.fill(" ".join(["3"] * 32))
    page.evaluate("go('This one did not work')")
    until(page, "document.getElementById('problem').textContent === 'This one did not work' && waiting.length")
    page.evaluate("go()")
    wait_for_text(page, "#output figcaption", "6 values after 32, 3 to 3")
    assert page.locator("#problem").is_hidden()


def test_a_message_stays_until_something_new_works(opened: Callable[..., Page]) -> None:
    page = opened("numbers")
    page.get_by_role("button", name="Random values").click()
    page.wait_for_selector("#output li")
    hold(page, "model", "predict")
    page.get_by_role("button", name="Random values").click()
    until(page, "waiting.length")
    choose(page, "row.csv", b"1;2")
    page.get_by_role("alert").wait_for()
    page.evaluate("go()")  # what was under way says nothing of the file
    page.wait_for_timeout(100)
    assert "row.csv: 2 numbers, 3 wanted" in page.get_by_role("alert").inner_text()
    page.get_by_label("age").fill("7")
    until(page, "waiting.length")
    page.evaluate("go()")
    page.get_by_role("alert").wait_for(state="hidden")


def test_a_file_gives_way_to_what_is_typed_while_it_is_read(opened: Callable[..., Page]) -> None:
    page = opened("numbers")
    hold(page, "Blob.prototype", "text")
    choose(page, "row.csv", b"1 2 3")
    until(page, "waiting.length")
    for name in ("length", "width", "age"):
        page.get_by_label(name).fill("4")
    page.evaluate("go()")
    wait_for_text(page, "#output li", "value 08")
    page.wait_for_timeout(50)
    assert page.get_by_label("age").input_value() == "4"
    choose(page, "row.csv", b"1 2 3")
    choose(page, "row.csv", b"5 6 7")
    page.evaluate("go('', 1); go()")  # the later file is read first
    wait_for_text(page, "#output li", "value 010")
    page.wait_for_timeout(50)
    assert page.get_by_label("age").input_value() == "7"
    choose(page, "row.csv", b"5 6 7")  # the same once more
    until(page, "waiting.length")
    page.evaluate("go()")


def test_the_picture_that_was_chosen_last_stays(opened: Callable[..., Page]) -> None:
    page = opened("picture")
    comes(page, (0, 0, 200, 255))
    hold(page, "globalThis", "fetch")
    page.get_by_role("button", name="Example: image").click()
    black(page)
    comes(page, (0, 0, 0, 255))
    page.evaluate("go()")
    page.wait_for_timeout(100)
    comes(page, (0, 0, 0, 255))
    page.get_by_role("button", name="Example: image").click()
    page.evaluate("go('The network is gone')")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").inner_text().startswith("image is no picture")
    black(page)  # the same file again
    page.get_by_role("alert").wait_for(state="hidden")
    hold(page, "globalThis", "createImageBitmap")
    choose(page, "notes.png", b"no picture")
    black(page)
    page.evaluate("go('', 1); go()")
    page.wait_for_timeout(100)
    assert page.get_by_role("alert").is_hidden()


def test_a_picture_gives_way_to_a_drawing(opened: Callable[..., Page]) -> None:
    page = opened("drawing")
    hold(page, "globalThis", "createImageBitmap")
    choose(page, "white.png", png(np.full((8, 8), 255)))
    until(page, "waiting.length")
    page.locator("#input").click()
    page.wait_for_selector("#output li, #output .one")
    page.evaluate("go()")
    page.wait_for_timeout(100)
    assert page.locator("#input.pen").is_visible()
    page.evaluate(
        """() => {
          const event = (type, isPrimary) => new PointerEvent(type, {pointerId: 1, isPrimary, buttons: 1});
          globalThis.drawn = () => input.getContext("2d").getImageData(0, 0, 320, 320).data.filter((v) => v).length;
          globalThis.before = drawn();
          for (const type of ["pointerdown", "pointermove"]) input.dispatchEvent(event(type, false));
        }"""
    )
    assert page.evaluate("drawn() === before")  # a second finger draws no line from the first


def test_the_camera_runs_until_it_is_stopped(opened: Callable[..., Page]) -> None:
    page = opened("picture")
    page.evaluate(CAMERA)
    page.get_by_role("button", name="Camera").click()
    for colour in ((200, 60, 20), (10, 120, 220)):
        page.evaluate("(colour) => (globalThis.colour = `rgb(${colour})`)", list(colour))
        near(page, "#input", colour)
        near(page, "#output canvas", colour[::-1])
    assert page.locator("#input").get_attribute("aria-label") == "What the camera sees"
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Camera").wait_for()
    page.evaluate("frames.add('stopped'); globalThis.colour = 'rgb(9, 9, 9)'")
    until(page, f"{LIVING} === 0")  # when the frame is done that is under way
    page.wait_for_timeout(200)
    near(page, "#output canvas", (220, 120, 10))
    # What the camera sees goes to the runner as it is, without an array.
    assert page.evaluate("[...frames]") == ["ImageBitmap", "stopped"]
    black(page)
    comes(page, (0, 0, 0, 255))
    assert page.locator("#input").get_attribute("aria-label") == "Picture, as the model sees it"
    page.evaluate(
        """() => {
          const none = () => Promise.reject(new DOMException("", "NotFoundError"));
          navigator.mediaDevices.getUserMedia = none;
        }"""
    )
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("alert").wait_for()
    assert "There is no camera here. Choose a picture" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("button", name="Camera").is_visible()


def test_each_picture_of_a_batch_is_the_cameras(opened: Callable[..., Page]) -> None:
    page = opened("pair")
    page.evaluate(CAMERA)
    page.get_by_role("button", name="Camera").click()
    near(page, "#output canvas", (20, 60, 200))
    assert page.evaluate("[...frames]") == ["Float32Array"]


def near(page: Page, selector: str, colour: tuple[int, ...]) -> None:
    """Waits until a canvas has this colour everywhere."""
    for _ in range(200):
        got: Any = seen(page, selector)[..., :3]
        if np.abs(got - colour).max() <= DECODED:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{got[0, 0]} instead of {colour}")


def test_a_camera_that_is_asked_for_again_goes_on(opened: Callable[..., Page]) -> None:
    page = opened("picture")
    page.evaluate(CAMERA)
    hold(page, "navigator.mediaDevices", "getUserMedia")
    page.get_by_role("button", name="Camera").click()
    until(page, "waiting.length")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Camera").click()
    until(page, "waiting.length === 2")
    page.evaluate("go('not allowed')")  # the first: nobody waits for it
    page.evaluate("go()")
    near(page, "#output canvas", (20, 60, 200))
    assert page.get_by_role("alert").is_hidden() and page.get_by_role("button", name="Stop").is_visible()
    black(page)  # which stops it
    comes(page, (0, 0, 0, 255))
    page.get_by_role("button", name="Camera").wait_for()
    page.wait_for_timeout(100)
    comes(page, (0, 0, 0, 255))
    until(page, f"{LIVING} === 0")  # when the frame is done that is under way


def test_writing_on_ends_where_someone_types(opened: Callable[..., Page]) -> None:
    page = opened("letters")
    wait_for_text(page, "#next button", "c 100 %")
    hold(page, "model", "predict")
    area, more = page.locator("#input"), page.locator("button.main")

    def step() -> None:
        until(page, "waiting.length")
        page.evaluate("go()")

    area.fill("abc")  # whose prediction is under way
    more.click()  # and this waits for it
    step()
    step()
    until(page, "input.value.length > 3")
    for name in ("Write on", "Stop", "Write on"):  # more often than predictions come
        wait_for_text(page, "button.main", {"Write on": "Stop", "Stop": "Write on"}[name])
        more.click()
    length = len(area.input_value())
    step()
    page.wait_for_timeout(50)
    assert len(area.input_value()) <= length + 1  # one writes, not two
    area.fill("ab")
    for _ in range(100):  # however many predictions that takes
        if page.locator("#next button").first.inner_text().split() == ["c", "100", "%"]:
            break
        page.evaluate("waiting.length && go()")
        page.wait_for_timeout(100)
    wait_for_text(page, "#next button", "c 100 %")
    assert area.input_value() == "ab" and more.inner_text() == "Write on"


@pytest.mark.parametrize("by", ["mouse", "touch"])
def test_a_quick_stroke_leaves_no_gap(opened: Callable[..., Page], by: str) -> None:
    page = opened("series")
    page.locator("#input").fill(" ".join(["0"] * 31 + ["8"]))
    wait_for_text(page, "#place figcaption", "32 values, 0 to 8")
    box: Any = page.locator("svg.drawn").bounding_box()
    y, xs = box["y"] + box["height"] / 2, [box["x"] + box["width"] * share for share in (0.2, 0.3, 0.7)]
    if by == "mouse":
        page.mouse.move(xs[0], y)
        page.mouse.down()
        for x in xs[1:]:
            page.mouse.move(x, y)
        page.mouse.up()
    else:
        session = page.context.new_cdp_session(page)
        for x in xs:
            kind = "touchStart" if x == xs[0] else "touchMove"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            page.wait_for_timeout(50)
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(50)
    values = np.array(page.locator("#input").input_value().replace(",", " ").split(), float)
    assert (np.abs(values[7:21] - 4) < 1).all() and not values[:5].any() and not values[24:31].any(), values
