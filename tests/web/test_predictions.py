"""Predictions under way: inputs that change, signals that cancel, disposed models, hidden pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from support.browser import launch
from support.hidden import tab
from support.replays import Exported, different_bits

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

SHOWN = 3  # as long as a hidden page's predictions may take, in those of a page that is shown

# Three predictions of one array that is overwritten between the calls, and the same one after another.
OVERWRITE = """async name => {
  const factors = [1, 0.5, 0.25], fresh = (factor) => given.map((v) => v * factor), alone = [], calls = [];
  for (const factor of factors) alone.push(bits(await model.predict({[name]: fresh(factor)})));
  const shared = new Float32Array(given.length);
  for (const factor of factors) {
    shared.set(fresh(factor));
    calls.push(model.predict({[name]: shared}));
  }
  shared.fill(NaN);
  const same = JSON.stringify(alone) === JSON.stringify((await Promise.all(calls)).map(bits));
  return [same, new Set(alone.map((made) => JSON.stringify(made))).size];
}"""
# Cancels the second, fourth and fifth of five predictions: before its call, at once, and while another runs.
CANCEL = """async name => {
  const signals = Array.from({length: 5}, () => new AbortController()), heard = [], inputs = {[name]: given};
  for (const {signal} of signals) for (const method of ["addEventListener", "removeEventListener"]) {
    const original = signal[method];
    signal[method] = (...args) => (heard.push(method), original.apply(signal, args));
  }
  signals[1].abort();
  window.draws = 0;
  const calls = signals.map(({signal}) => settle(model.predict(inputs, {signal}).then(bits)));
  signals[3].abort();
  calls[0].then(() => signals[4].abort("enough"));
  const outcomes = await Promise.all(calls), cancelled = window.draws;
  window.draws = 0;
  const after = await settle(model.predict(inputs).then(bits));
  return {outcomes, after, draws: [cancelled, window.draws], heard: heard.sort()};
}"""
# Disposes of the model where `when` says, in the middle of three predictions and of a profile.
DISPOSE = """async ([name, when]) => {
  const calls = [];
  model._fastest = 20; // or it would not let go of the page where it is fast
  for (let i = 0; i < 3; i++) calls.push(settle(model.predict({[name]: given}).then(bits)));
  calls.push(settle(model.profile()));
  if (when === "at once") model.dispose();
  if (when === "later") setTimeout(() => model.dispose());
  if (when === "after the first") calls[0].then(() => model.dispose());
  const outcomes = await soon(Promise.all(calls));
  return {outcomes, left: Object.entries(live).filter(([, count]) => count)};
}"""
COUNT_DRAWS = """() => {
  for (const {prototype} of [WebGLRenderingContext, WebGL2RenderingContext]) {
    before(prototype, "drawArrays", () => window.draws++);
  }
}"""


@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
def test_inputs_may_change_at_once(new_page: Callable[[], Page], digits: Exported, variant: str) -> None:
    page = new_page()
    digits.open(page, variant=variant)
    assert page.evaluate(OVERWRITE, digits.model.inputs[0].name) == [True, 3]


@pytest.mark.parametrize("variant", ["webgl2", "webgl1"])
def test_predictions_are_cancelled(new_page: Callable[[], Page], digits: Exported, variant: str) -> None:
    page = new_page()
    digits.open(page, variant=variant)
    expected = digits.predict(page)
    page.evaluate(COUNT_DRAWS)
    result = page.evaluate(CANCEL, digits.model.inputs[0].name)
    outcomes = result["outcomes"]
    for i in (0, 2):
        assert different_bits(digits.values(outcomes[i]["done"]), expected) == 0
    for i in (1, 3):
        assert outcomes[i]["failed"][0] == "AbortError"
    assert outcomes[4] == {"failed": [None, None, None]}  # a reason that is no error, as fetch hands it on
    assert different_bits(digits.values(result["after"]["done"]), expected) == 0
    assert result["draws"][0] == 2 * result["draws"][1] > 0  # those that were cancelled in time drew nothing
    assert result["heard"] == ["addEventListener"] * 5 + ["removeEventListener"] * 5


def test_a_prediction_is_cancelled_while_it_runs(new_page: Callable[[], Page], mobilenet: Exported) -> None:
    page, name = new_page(), mobilenet.model.inputs[0].name
    mobilenet.open(page)
    expected = mobilenet.predict(page)
    outcomes = page.evaluate(
        """async name => {
          const control = new AbortController(), inputs = {[name]: given};
          model._fastest = 20; // or it would not let go of the page where it is fast
          const calls = [model.predict(inputs, {signal: control.signal}), model.predict(inputs)];
          setTimeout(() => control.abort());
          return Promise.all(calls.map((call) => settle(call.then(bits))));
        }""",
        name,
    )
    assert outcomes[0]["failed"][0] == "AbortError"
    assert different_bits(mobilenet.values(outcomes[1]["done"]), expected) == 0


@pytest.mark.parametrize(
    ("variant", "when"),
    [("webgl2", "at once"), ("webgl2", "later"), ("webgl2", "after the first"), ("webgl1", "at once")],
)
def test_dispose_in_the_middle(new_page: Callable[[], Page], mobilenet: Exported, variant: str, when: str) -> None:
    page = new_page()
    mobilenet.open(page, variant=variant)
    expected = mobilenet.predict(page)
    result = page.evaluate(DISPOSE, [mobilenet.model.inputs[0].name, when])
    for outcome in result["outcomes"]:
        if "done" in outcome:
            assert different_bits(mobilenet.values(outcome["done"]), expected) == 0
        else:
            assert outcome["failed"][:2] == ["GlnnError", "disposed"], outcome
    done = ["done" in outcome for outcome in result["outcomes"]]
    assert done[1:] == [False] * 3 and (when == "later" or done[0] == (when == "after the first"))
    assert result["left"] == []


def test_a_hidden_page_predicts_as_fast(playwright: Playwright, mobilenet: Exported) -> None:
    given = f"const inputs = {{[{json.dumps(mobilenet.model.inputs[0].name)}]: given}}"
    times = f"""(async () => {{
      {given}, times = [];
      for (let i = 0; i < 8; i++) {{
        const begin = performance.now();
        window.made = bits(await model.predict(inputs));
        times.push(performance.now() - begin);
      }}
      const begin = performance.now();
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 20));
      return {{times: times.sort((a, b) => a - b), timers: performance.now() - begin, made}};
    }})()"""
    with launch(playwright, "llvmpipe", hiding=True) as browser, tab(browser) as page:
        page.goto(f"{mobilenet.site}harness.html")
        open_it = f"""(async () => {{
          window.given = await floats({json.dumps(mobilenet.url + "input.bin")});
          const begin = performance.now();
          await start({json.dumps(mobilenet.url)});
          return performance.now() - begin;
        }})()"""
        first = page.evaluate(open_it)
        shown: Any = page.evaluate(times)
        page.hide()
        hidden: Any = page.evaluate(times)
        page.evaluate("model.dispose()")
        again = page.evaluate(open_it)
    assert shown["timers"] < 200 < 900 < hidden["timers"], "the page's timers were not held back: it was not hidden"
    assert hidden["made"] == shown["made"]
    assert hidden["times"][4] < SHOWN * shown["times"][4] + 20, (shown["times"], hidden["times"])
    assert hidden["times"][-1] < 900, hidden["times"]
    assert again < max(1000, 2 * first), (first, again)
