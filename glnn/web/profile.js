// What Model.profile gives, loaded by the runner when it is asked for.

const LIMIT = 10000; // ms to wait for the timer queries

/** A model's passes with the ms that each took, by timer queries, or else (`method` "sync") by waiting for each draw. */
export async function passes(model) {
  model._usable(); // again below, after each wait
  const {gl, backend} = model._device, two = backend === "webgl2";
  const timer = gl.getExtension(two ? "EXT_disjoint_timer_query_webgl2" : "EXT_disjoint_timer_query");
  const call = (name, ...args) => (two ? gl[name](...args) : timer[`${name}EXT`](...args));
  const {draws, slots} = model.plan, made = model._stepsOf([...draws.keys()]);
  const sync = (i) => model._device.read(slots[draws[i].target].format);
  made[0]();
  sync(0);
  const times = made.map((take, i) => {
    const query = timer && call("createQuery"), start = performance.now();
    if (query) call("beginQuery", timer.TIME_ELAPSED_EXT, query);
    take();
    if (query) call("endQuery", timer.TIME_ELAPSED_EXT);
    else sync(i);
    return query || performance.now() - start;
  });
  gl.flush();
  const result = (query, what) => (two ? gl.getQueryParameter(query, gl[what]) : timer.getQueryObjectEXT(query, timer[`${what}_EXT`]));
  const end = performance.now() + LIMIT;
  const waits = () => timer && !result(times[times.length - 1], "QUERY_RESULT_AVAILABLE") && performance.now() < end;
  while (waits() && !gl.isContextLost()) await model._device.passed(5);
  if (model._disposed && timer) for (const query of times) call("deleteQuery", query);
  model._usable();
  const valid = !timer || (performance.now() < end && !gl.getParameter(timer.GPU_DISJOINT_EXT));
  return draws.map(({label: layer, kernel, viewport: [width, height], turns}, i) => {
    const ms = valid ? turns * (timer ? result(times[i], "QUERY_RESULT") / 1e6 : times[i]) : null;
    if (timer) call("deleteQuery", times[i]);
    return {pass: i + 1, layer, kernel, width, height, ms, method: timer ? "timer" : "sync"};
  });
}
