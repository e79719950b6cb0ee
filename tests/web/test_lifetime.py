"""What a page holds on to: nothing grows, contexts come back after they are lost, and dispose gives everything back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.replays import Exported, different_bits

if TYPE_CHECKING:
    from playwright.sync_api import Page

PREDICTIONS = 1000

# Loses the context where `when` says, in the middle of three predictions; what became of these, and of one afterwards.
LOSE = """async ([name, when]) => {
  const inputs = {[name]: given}, calls = [];
  const extension = contexts.find(gl => !gl.isContextLost()).getExtension("WEBGL_lose_context");
  const lost = new Promise(resolve => model.addEventListener("contextlost", resolve, {once: true}));
  const restored = new Promise(resolve => model.addEventListener("contextrestored", resolve, {once: true}));
  if (when === "before") extension.loseContext();
  for (let i = 0; i < 3; i++) calls.push(settle(model.predict(inputs).then(bits)));
  if (when === "at once") extension.loseContext();
  if (when === "later") setTimeout(() => extension.loseContext(), 0);
  if (when === "after the first") calls[0].then(() => extension.loseContext());
  const outcomes = await soon(Promise.all(calls));
  await soon(lost);
  await new Promise(resolve => setTimeout(resolve)); // out of the event's dispatch, within which nothing is restored
  const between = await settle(model.predict(inputs).then(bits));
  extension.restoreContext();
  await soon(restored);
  return {outcomes, between, after: await settle(model.predict(inputs).then(bits)), counts: model.counts()};
}"""
MANY = """async ([name, count]) => {
  const inputs = {[name]: given}, first = bits(await model.predict(inputs));
  const before = {counts: model.counts(), live: {...live}, compiled: compiled.length};
  for (let i = 0; i < count; i++) await model.predict(inputs);
  const after = {counts: model.counts(), live: {...live}, compiled: compiled.length};
  return {before, after, same: JSON.stringify(first) === JSON.stringify(bits(await model.predict(inputs)))};
}"""


def input_name(exported: Exported) -> str:
    return exported.model.inputs[0].name


@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
def test_nothing_grows(new_page: Callable[[], Page], digits: Exported, variant: str) -> None:
    page = new_page()
    digits.open(page, variant=variant)
    result = page.evaluate(MANY, [input_name(digits), PREDICTIONS])
    assert result["after"] == result["before"] and result["same"]
    assert result["before"]["counts"]["textures"] > 0 and result["before"]["counts"]["programs"] > 0


@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
def test_dispose_gives_everything_back(new_page: Callable[[], Page], digits: Exported, variant: str) -> None:
    page = new_page()
    digits.open(page, variant=variant)
    page.evaluate("name => model.predict({[name]: given})", input_name(digits))
    page.evaluate("model.dispose(); model.dispose()")
    assert page.evaluate("Object.entries(live).filter(([, count]) => count)") == []
    assert page.evaluate("contexts.every(gl => gl.isContextLost())")  # a browser grants a page a few only
    name, code, message = page.evaluate("name => settle(model.predict({[name]: given}))", input_name(digits))["failed"]
    assert (name, code) == ("GlnnError", "disposed") and "load it again" in message


def test_models_are_opened_and_disposed_many_times(new_page: Callable[[], Page], digits: Exported) -> None:
    page = new_page()
    digits.open(page)
    page.evaluate(
        """async ([url, name]) => {
          for (let i = 0; i < 20; i++) {  // more than a browser grants contexts
            model.dispose();
            await start(url);
            await model.predict({[name]: given});
          }
        }""",
        [digits.url, input_name(digits)],
    )
    assert page.evaluate("contexts.filter(gl => !gl.isContextLost()).length") == 1
    assert different_bits(digits.predict(page), digits.in_python("webgl2").outputs) == 0


@pytest.mark.parametrize("when", ["before", "at once", "later", "after the first"])
@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
def test_a_lost_context_comes_back(new_page: Callable[[], Page], digits: Exported, variant: str, when: str) -> None:
    page = new_page()
    counts = digits.open(page, variant=variant)["counts"]
    expected = digits.predict(page)
    for turn in range(2):
        result = page.evaluate(LOSE, [input_name(digits), when])
        for outcome in (*result["outcomes"], result["between"]):
            check_outcome(digits, outcome, expected)
        assert "failed" in result["between"]
        assert different_bits(digits.values(result["after"]["done"]), expected) == 0
        assert result["counts"] == counts
        assert page.evaluate("events") == ["contextlost", "contextrestored"] * (turn + 1)


def check_outcome(exported: Exported, outcome: dict[str, Any], expected: dict[str, np.ndarray]) -> None:
    """Either the right values, or a rejection that says what happened."""
    if "done" in outcome:
        assert different_bits(exported.values(outcome["done"]), expected) == 0
    else:
        name, code, message = outcome["failed"]
        assert (name, code) == ("GlnnError", "context-lost") and "context" in message


def test_a_context_that_came_back_broken_may_come_back_again(new_page: Callable[[], Page], digits: Exported) -> None:
    """The driver refuses a shader when it is back: that is told, until the context is lost once more and comes back."""
    page = new_page()
    digits.open(page, variant="webgl2")
    expected = digits.predict(page)
    given = f"{{[{input_name(digits)!r}]: given}}"
    page.evaluate(
        """() => {
          const {prototype} = WebGL2RenderingContext, {getProgramParameter} = prototype;
          prototype.getProgramParameter = function (program, name) {
            return (!window.refuse || name !== this.LINK_STATUS) && getProgramParameter.call(this, program, name);
          };
          window.again = async (heard) => {
            const extension = contexts.find(gl => !gl.isContextLost()).getExtension("WEBGL_lose_context");
            const once = name => soon(new Promise(go => model.addEventListener(name, go, {once: true})));
            const lost = once("contextlost");
            extension.loseContext();
            await lost;
            await new Promise(go => setTimeout(go));
            const back = once(heard);
            extension.restoreContext();
            await back;
          };
        }"""
    )
    page.evaluate("window.refuse = true; again('error')")
    for _ in range(2):
        assert page.evaluate(f"settle(model.predict({given}))")["failed"][:2] == ["GlnnError", "kernel"]
    page.evaluate("window.refuse = false; again('contextrestored')")
    assert different_bits(digits.predict(page), expected) == 0
    assert page.evaluate("events") == ["contextlost", "error", "contextlost", "contextrestored"]


def test_a_context_lost_while_it_compiles_is_no_fault_of_a_kernel(
    new_page: Callable[[], Page], digits: Exported
) -> None:
    page = new_page()
    page.goto(f"{digits.site}harness.html")
    page.evaluate(
        """() => {
          const {prototype} = WebGL2RenderingContext, {getProgramParameter} = prototype;
          let probed = false;
          prototype.getProgramParameter = function (program, name) {
            if (probed && name === this.LINK_STATUS) this.getExtension("WEBGL_lose_context").loseContext();
            probed ||= name === this.LINK_STATUS;
            return !this.isContextLost() && getProgramParameter.call(this, program, name);
          };
        }"""
    )
    load = "([url, variant]) => import(`${url}runner.js`).then(({load}) => settle(load(url, {variant})))"
    assert page.evaluate(load, [digits.url, "webgl2"])["failed"][:2] == ["GlnnError", "context-lost"]


def test_a_long_prediction_loses_its_context(new_page: Callable[[], Page], mobilenet: Exported) -> None:
    page = new_page()
    mobilenet.open(page, variant="webgl2")
    expected = mobilenet.predict(page)
    result = page.evaluate(LOSE, [input_name(mobilenet), "later"])
    for outcome in result["outcomes"]:
        check_outcome(mobilenet, outcome, expected)
    assert any("failed" in outcome for outcome in result["outcomes"])
    assert different_bits(mobilenet.values(result["after"]["done"]), expected) == 0


def test_predictions_at_once_do_not_mix(new_page: Callable[[], Page], digits: Exported) -> None:
    page = new_page()
    digits.open(page)
    same = page.evaluate(
        """async name => {
          const inputs = [1, 0.5, 0.25, 0].map(factor => ({[name]: given.map(v => v * factor)}));
          const alone = [];
          for (const input of inputs) alone.push(bits(await model.predict(input)));
          const together = await Promise.all(inputs.map(async input => bits(await model.predict(input))));
          const texts = alone.map(outputs => JSON.stringify(outputs));
          return [JSON.stringify(alone) === JSON.stringify(together), new Set(texts).size];
        }""",
        input_name(digits),
    )
    assert same == [True, 4]


def test_progress_is_told(new_page: Callable[[], Page], mobilenet: Exported) -> None:
    page = new_page()
    mobilenet.open(page)
    told = page.evaluate("progress")
    loaded, totals = zip(*told, strict=True)
    assert list(loaded) == sorted(loaded) and len(set(totals)) == 1 and loaded[-1] == totals[-1]
    assert totals[0] > mobilenet.manifest["weights"]["bytes"]
