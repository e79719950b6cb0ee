"""What can go wrong with a folder, an input or a browser: a rejected promise that says what, where and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.damages import DAMAGES
from support.replays import Exported

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def damaged(digits: Exported) -> Iterator[Callable[[str], Exported]]:
    """A copy of the digits model's export with one of DAMAGES done to it."""
    copies: list[Path] = []

    def make(damage: str) -> Exported:
        copy = digits.folder.with_name(damage.replace(" ", "-"))
        shutil.copytree(digits.folder, copy)
        copies.append(copy)
        DAMAGES[damage].change(copy)
        return Exported(digits.model, copy, digits.site, digits.input)

    yield make
    for copy in copies:
        shutil.rmtree(copy)


def refusal(page: Page, exported: Exported, **options: Any) -> tuple[str, str]:
    """The code and message with which load refuses a folder; the browser keeps no context of it."""
    page.goto(f"{exported.site}harness.html")
    result = page.evaluate("([url, options]) => settle(start(url, options))", [exported.url, options])
    assert "failed" in result, "load accepted it"
    name, code, message = result["failed"]
    assert name == "GlnnError"
    assert page.evaluate("contexts.every(gl => gl.isContextLost())")
    return code, message


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_folders_are_refused(new_page: Callable[[], Page], damaged: Callable, damage: str) -> None:
    code, message = refusal(new_page(), damaged(damage), variant="webgl2")
    assert code == DAMAGES[damage].code
    assert all(word in message for word in DAMAGES[damage].words), message


def test_a_missing_folder_is_refused(new_page: Callable[[], Page], digits: Exported) -> None:
    page, module = new_page(), f"{digits.url}runner.js"
    page.goto(f"{digits.site}harness.html")
    result = page.evaluate("async ([module, url]) => settle((await import(module)).load(url))", [module, "./nowhere/"])
    _, code, message = result["failed"]
    assert code == "not-found" and "nowhere/manifest.json" in message


def test_a_server_that_is_gone_is_named(new_page: Callable[[], Page], digits: Exported) -> None:
    page = new_page()
    page.goto(f"{digits.site}harness.html")
    page.route("**/manifest.json", lambda route: route.abort())
    result = page.evaluate("url => settle(start(url))", digits.url)
    _, code, message = result["failed"]
    assert code == "network" and "server" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "webgl3"}, ("webgl3", "webgl2", "webgl1")),
        ({"backend": "webgpu"}, ("webgpu", "auto")),
    ],
)
def test_wrong_options_are_refused(
    new_page: Callable[[], Page], digits: Exported, options: dict[str, str], words: tuple[str, ...]
) -> None:
    code, message = refusal(new_page(), digits, **options)
    assert code == "input" and all(word in message for word in words)


def test_wrong_inputs_are_refused(new_page: Callable[[], Page], digits: Exported) -> None:
    page, name = new_page(), digits.model.inputs[0].name
    digits.open(page)
    for given in ("undefined", "{}", f"{{{json.dumps(name)}: new Float32Array(3)}}", "{other: given}"):
        _, code, message = page.evaluate(f"settle(model.predict({given}))")["failed"]
        assert code == "input" and repr(name).strip("'") in message and "64" in message, message
    assert digits.predict(page).keys() == digits.in_python("webgl2").outputs.keys()  # and the model goes on


def test_a_browser_without_webgl_is_told_so(new_page: Callable[[str], Page], digits: Exported) -> None:
    page = new_page("none")
    assert not page.evaluate("document.createElement('canvas').getContext('webgl')")
    code, message = refusal(page, digits)
    assert code == "no-webgl" and "WebGL" in message and "browser" in message


def test_an_old_browser_gets_webgl1(new_page: Callable[[], Page], digits: Exported) -> None:
    """Without WebGL2, and then without float targets: what runs there is picked by what works."""
    page = new_page()
    page.add_init_script(
        """const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, options) {
          return kind === "webgl2" ? null : get.call(this, kind, options);
        };"""
    )
    assert digits.open(page)["variant"] == "webgl1"
    page.add_init_script(
        """const extension = WebGLRenderingContext.prototype.getExtension;
        WebGLRenderingContext.prototype.getExtension = function (name) {
          return name.includes("float") ? null : extension.call(this, name);
        };"""
    )
    assert digits.open(page)["variant"] == "webgl1-rgba8"


@pytest.mark.parametrize("renderer", ["", "Some GPU"])
def test_webgl2_without_float_targets_is_seen(new_page: Callable[[], Page], digits: Exported, renderer: str) -> None:
    """A device that promises float targets and does not keep them: the probe clears or draws, and reads back."""
    page, honest = new_page(), new_page()
    named = f"""const parameter = WebGL2RenderingContext.prototype.getParameter;
        WebGL2RenderingContext.prototype.getParameter = function (name) {{
          return name === 0x9246 && "{renderer}" || parameter.call(this, name);
        }};"""
    for each in (page, honest):
        each.add_init_script(named)
    assert digits.open(honest)["variant"] == "webgl2"
    page.add_init_script(
        """const storage = WebGL2RenderingContext.prototype.texStorage3D;
        WebGL2RenderingContext.prototype.texStorage3D = function (kind, levels, internal, ...size) {
          return storage.call(this, kind, levels, internal === this.RGBA32F ? this.RGBA8 : internal, ...size);
        };"""
    )
    assert digits.open(page)["variant"] == "webgl2-half"
