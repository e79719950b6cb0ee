"""Models in a Worker: the same values and errors as on the page's thread, which stays free."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.browser import serve
from support.replays import Exported, different_bits

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

LONGEST = 50  # ms that a task of the page may take: what browsers call a long task
TRIES = 3  # loads, of which the best counts: other processes take this machine's cores as well

# The same calls on both threads: what they give, and what is the same of the models.
BOTH = """async ([url, name, variant]) => {
  const made = [];
  for (const worker of [false, true]) {
    const {load} = await import(`${url}runner.js`), progress = [];
    const model = await load(url, {variant, worker, onProgress: ({loaded, total}) => progress.push(loaded / total)});
    const calls = [1, 0.5, 0].map((factor) => model.predict({[name]: given.map((v) => v * factor)}));
    const outputs = (await Promise.all(calls)).map(bits), passes = await model.profile(), counts = await model.counts();
    const {inputs, outputs: tensors, renderer, manifest, plan} = model, wrong = [];
    for (const given of [undefined, {}, {[name]: [1, 2]}]) wrong.push(await settle(model.predict(given)));
    const again = bits(await model.predict({[name]: Array.from(given)})), first = model.worker === true;
    model.dispose();
    const after = await settle(model.predict({[name]: given}));
    made.push({outputs, counts, inputs, tensors, renderer, name: model.name, variant: model.variant, manifest, wrong,
      again, after, programs: plan.programs.length, passes: passes.map(({ms, ...rest}) => rest),
      told: [first === worker, progress.at(-1), progress.every((share, i) => !i || share >= progress[i - 1])]});
  }
  return made;
}"""
TASKS = """async ([url, name]) => {
  const {load} = await import(`${url}runner.js`), times = [0];
  await new Promise((resolve) => setTimeout(resolve, 50));
  const observer = new PerformanceObserver((list) => times.push(...list.getEntries().map((entry) => entry.duration)));
  observer.observe({type: "longtask"});
  for (const end = performance.now() + 70; performance.now() < end;) Math.sqrt(end);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const seen = times.length > 1; // that one
  times.length = 1;
  const model = await load(url, {worker: true});
  for (let i = 0; i < 5; i++) await model.predict({[name]: given});
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  model.dispose();
  return [seen, contexts.length, Math.max(...times)];
}"""
LOADED = """async (url) => {
  window.model = await (await import(`${url}runner.js`)).load(url, {worker: true});
  return model.worker;
}"""


@pytest.mark.parametrize(
    ("renderer", "variant"), [("llvmpipe", "webgl2"), ("llvmpipe", "webgl1"), ("swiftshader", "webgl2")]
)
def test_both_threads_do_the_same(
    new_page: Callable[[str], Page], digits: Exported, renderer: str, variant: str
) -> None:
    page, name = new_page(renderer), digits.model.inputs[0].name
    page.goto(f"{digits.site}harness.html")
    page.evaluate("async url => { window.given = await floats(url) }", f"{digits.url}input.bin")
    here, there = page.evaluate(BOTH, [digits.url, name, variant])
    assert here["told"] == there["told"] == [True, 1, True]
    assert here == there
    assert here["outputs"][0] == here["again"] != here["outputs"][1]
    assert [given["failed"][1] for given in there["wrong"]] == ["input"] * 3
    assert there["after"]["failed"][:2] == ["GlnnError", "disposed"]


def test_the_page_stays_free(new_page: Callable[[], Page], mobilenet: Exported) -> None:
    page, name = new_page(), mobilenet.model.inputs[0].name
    mobilenet.open(page, worker=True)
    assert different_bits(mobilenet.predict(page), mobilenet.in_python("webgl2").outputs) == 0
    page.evaluate("model.dispose()")
    longest: list[float] = []
    while not longest or (min(longest) > LONGEST and len(longest) < TRIES):
        seen, contexts, most = page.evaluate(TASKS, [mobilenet.url, name])
        assert seen and contexts == 0
        longest.append(most)
    assert min(longest) <= LONGEST, longest


def test_calls_are_taken_back(new_page: Callable[[], Page], digits: Exported) -> None:
    page, name = new_page(), digits.model.inputs[0].name
    digits.open(page, worker=True)
    expected = digits.predict(page)
    outcomes = page.evaluate(
        """async name => {
          const control = new AbortController(), {signal} = control, inputs = {[name]: given.slice()};
          const posted = async () => { for (let i = 0; i < 50; i++) await null; };
          const calls = [{}, {signal}, {signal}, {}].map((options) => model.predict(inputs, options));
          inputs[name].fill(NaN);
          await posted();
          control.abort();
          const first = await Promise.all(calls.map((call) => settle(call.then(bits))));
          first.push(await settle(model.predict({[name]: given}, {signal})));
          const pending = [model.predict({[name]: given}), model.profile()];
          await posted();
          model.dispose();
          return [...first, ...await Promise.all(pending.map(settle))];
        }""",
        name,
    )
    for i in (0, 3):
        assert different_bits(digits.values(outcomes[i]["done"]), expected) == 0
    assert [outcome["failed"][0] for outcome in outcomes[1:3] + outcomes[4:5]] == ["AbortError"] * 3
    assert [outcome["failed"][1] for outcome in outcomes[5:]] == ["disposed"] * 2
    assert ended(page)


def test_what_was_taken_back_is_not_drawn(new_page: Callable[[], Page], digits: Exported) -> None:
    """A prediction that waits behind another in the Worker, when it is cancelled."""
    page, name = new_page(), digits.model.inputs[0].name
    digits.open(page, worker=True, variant="webgl2")
    [worker] = page.workers
    worker.evaluate(
        """() => {
          const {drawArrays} = WebGL2RenderingContext.prototype, real = self.createImageBitmap;
          self.draws = 0;
          WebGL2RenderingContext.prototype.drawArrays = function (...args) {
            self.draws++;
            return drawArrays.apply(this, args);
          };
          self.createImageBitmap = async (...args) => {
            await new Promise((go) => (self.go = go));
            return real(...args);
          };
        }"""
    )
    counts = []
    for cancelled in (False, True):
        page.evaluate(
            """([name, cancelled]) => {
              window.control = new AbortController();
              const calls = [model.predict({[name]: new ImageData(8, 8)})];
              if (cancelled) calls.push(settle(model.predict({[name]: given}, {signal: control.signal})));
              calls.push(model.predict({[name]: given}));
              window.all = Promise.all(calls);
            }""",
            [name, cancelled],
        )
        while not worker.evaluate("!!self.go"):
            page.wait_for_timeout(10)
        page.wait_for_timeout(50)  # for what is posted after it
        page.evaluate("control.abort()")
        page.wait_for_timeout(50)
        worker.evaluate("self.draws = 0, self.go(), self.go = null")
        page.evaluate("soon(all).then(() => true)")
        counts.append(worker.evaluate("self.draws"))
    assert counts[0] == counts[1] > 7


def ended(page: Page) -> bool:
    """Whether the page's Workers end within five seconds."""
    for _ in range(100):
        if not page.workers:
            return True
        page.wait_for_timeout(50)
    return False


def test_errors_of_loading_keep_their_codes(new_page: Callable[[], Page], digits: Exported) -> None:
    page = new_page()
    page.goto(f"{digits.site}harness.html")
    load = "([url, options]) => import(`${url}runner.js`).then(({load}) => settle(load(options.url || url, options)))"
    for options, code, word in [
        ({"variant": "webgl3"}, "input", "webgl3"),
        ({"url": "./nowhere/"}, "not-found", "nowhere/manifest.json"),
        ({"device": {}}, "input", "device"),
    ]:
        failed = page.evaluate(load, [digits.url, {**options, "worker": True}])["failed"]
        assert failed[:2] == ["GlnnError", code] and word in failed[2], failed
    stopped = """async url => {
      const {load} = await import(`${url}runner.js`), control = new AbortController(), {signal} = control;
      const loading = settle(load(url, {worker: true, signal, onProgress: () => control.abort()}));
      return [await loading, await settle(load(url, {worker: true, signal}))];
    }"""
    assert [made["failed"][0] for made in page.evaluate(stopped, digits.url)] == ["AbortError"] * 2
    assert ended(page)


def prefixed(page: Page, code: str) -> None:
    """Runs code in Workers before runner-worker.js."""

    def answer(route: Route) -> None:
        made = route.fetch()
        route.fulfill(response=made, body=f"if (!globalThis.document) {{ {code} }}\n{made.text()}")

    page.route("**/runner-worker.js", answer)


def test_a_context_lost_in_a_worker_comes_back(new_page: Callable[[], Page], digits: Exported) -> None:
    page = new_page()
    prefixed(
        page,
        """const {getContext} = OffscreenCanvas.prototype;
        OffscreenCanvas.prototype.getContext = function (...args) {
          return (self.gl = getContext.apply(this, args));
        };""",
    )
    digits.open(page, worker=True)
    expected = digits.predict(page)
    page.workers[0].evaluate("(self.lose = gl.getExtension('WEBGL_lose_context')).loseContext()")
    page.wait_for_function("events.includes('contextlost')")
    failed = page.evaluate(f"settle(model.predict({{{json.dumps(digits.model.inputs[0].name)}: given}}))")["failed"]
    assert failed[:2] == ["GlnnError", "context-lost"]
    page.workers[0].evaluate("lose.restoreContext()")
    page.wait_for_function("events.includes('contextrestored')")
    assert different_bits(digits.predict(page), expected) == 0


@pytest.mark.parametrize("lacking", ["OffscreenCanvas", "leave to start one", "WebGL in it", "its script"])
def test_without_a_worker_it_runs_here_and_says_so(
    new_page: Callable[[], Page], digits: Exported, lacking: str
) -> None:
    page, told = new_page(), []
    page.on("console", lambda message: told.append(message.text) if message.type == "warning" else None)
    refuse = "window.Worker = class { constructor() { throw new DOMException('no Workers here', 'SecurityError'); } }"
    scripts = {"OffscreenCanvas": "delete window.OffscreenCanvas", "leave to start one": refuse}
    page.add_init_script(scripts.get(lacking, ""))
    if lacking == "WebGL in it":
        prefixed(page, "OffscreenCanvas.prototype.getContext = () => null;")
    if lacking == "its script":
        prefixed(page, "throw new Error('broken');")
    digits.open(page, worker=True)
    assert not page.evaluate("model.worker") and ended(page)
    assert digits.predict(page).keys() == digits.in_python("webgl2").outputs.keys()
    assert len([text for text in told if "not in a Worker" in text and digits.url in text]) == 1, told


def test_a_strict_policy_allows_it(new_page: Callable[[], Page], digits: Exported, site: tuple[Path, str]) -> None:
    page = new_page()
    with serve(site[0], {"Content-Security-Policy": "default-src 'self'"}) as url:
        page.goto(f"{url}{digits.folder.name}/manifest.json")
        made: Any = page.evaluate(LOADED, f"{url}{digits.folder.name}/")
        page.evaluate("model.dispose()")
    assert made is True
