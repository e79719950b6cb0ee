// The input part of models that take a picture: chosen, dropped, pasted, an example, or from the camera.
// What is chosen becomes values here, number for number as Python makes them. Frames of the camera go to the runner as
// they are, which prepares them by draws (runner-pixels.js): the same values but for rounding, and no array on the way.
import {button, make, problem, run, solved} from "./page.js";
import {BLACK, area, bytes, image, sized, taken, turned} from "./page-pixels.js";

/** Fills the place; what it gives has `put`, which takes RGBA bytes, and `claim`, for parts that have more to offer. */
export function open({manifest, inputs: [{name, shape: whole}]}, place, camera = true) {
  const shape = manifest.pictures[0], {examples} = manifest.page, [h, w, c] = shape;
  const canvas = make("canvas", {id: "input", hidden: true}), file = make("input", {type: "file", id: "file", accept: "image/*"});
  const drop = make("p", {className: "empty"}, "Drop a picture here, paste it, or choose one"), row = make("div", {className: "row"}, make("label", {className: "file main", id: "choose"}, "Choose a picture", file));
  const tried = make("div", {className: "row"}, ...examples.map(({name: alt, file: src}) => {
    const node = button("", () => fetched(src, alt), "example");
    node.append(make("img", {src, alt: `Example: ${alt}`}));
    return node;
  }));
  let seen, stop, number = 0;
  canvas.setAttribute("role", "img");
  place.append(canvas, drop, row, ...examples.length ? [tried] : []);

  const part = {
    canvas, row, drop,
    empty: "Choose a picture, and the answer comes here",
    ask: () => seen && {[name]: seen.length ? turned(shape, seen) : seen},
    put(data, width, height, part = area(manifest, shape, width, height)) {
      shown(taken(manifest, shape, data, width, part, c > 3 ? BLACK : manifest.picture.background), "Picture, as the model sees it");
      image(manifest, shape, seen, canvas);
    },
    /** What is still being read, or watched, gives way to what comes now. The number of that. */
    claim() {
      if (stop) stop();
      return ++number;
    },
    async show(reading, title) {
      const mine = part.claim();
      try {
        const bitmap = await createImageBitmap(await reading, {premultiplyAlpha: "none", colorSpaceConversion: "none"});
        if (mine !== number) return;
        part.put(bytes(bitmap), bitmap.width, bitmap.height);
      } catch {
        return mine === number && problem(`${title} is no picture that this browser reads. Choose a PNG or JPEG file.`);
      }
      await run();
    },
  };
  const shown = (values, label) => {
    if (seen && seen.close) seen.close();
    seen = values;
    canvas.style.filter = "";
    canvas.setAttribute("aria-label", label);
    canvas.hidden = false;
    drop.hidden = true;
    solved();
  };
  /** A frame of the camera, an ImageBitmap that is this part's now. */
  const frame = (bitmap) => {
    const {width, height} = bitmap, [left, top, wide, high] = area(manifest, shape, width, height), context = canvas.getContext("2d");
    if (whole[0] > 1) return part.put(bytes(bitmap), width, height); // the runner puts one picture into an input
    shown(bitmap, "What the camera sees");
    sized(canvas, w, h);
    canvas.style.filter = c > 1 ? "" : "grayscale(1)";
    Object.assign(context, {fillStyle: `rgb(${manifest.picture.background})`, imageSmoothingQuality: "high"});
    context.fillRect(0, 0, w, h);
    context.drawImage(bitmap, left, top, wide, high, 0, 0, w, h);
  };
  const given = ([file]) => file && part.show(file, file.name);
  const fetched = (src, alt) => part.show(fetch(src).then((answer) => answer.blob()), alt);
  file.onchange = () => {
    given(file.files);
    file.value = ""; // so that the same file can be chosen again
  };
  document.onpaste = (event) => given(event.clipboardData.files);
  document.ondragover = (event) => (event.preventDefault(), place.classList.add("drop"));
  document.ondragleave = () => place.classList.remove("drop");
  document.ondrop = (event) => {
    event.preventDefault();
    place.classList.remove("drop");
    given(event.dataTransfer.files);
  };
  if (camera && navigator.mediaDevices) { // which is there with https, and on this machine itself
    const toggle = button("Camera", async () => {
      if (stop) return stop();
      part.claim();
      const mine = stop = () => (stop = undefined, toggle.textContent = "Camera"), on = () => stop === mine;
      toggle.textContent = "Stop";
      try {
        await (await import("./page-camera.js")).watch(Math.max(w, h), frame, on);
      } catch (error) {
        if (on()) problem(error);
      }
      if (on()) stop(); // unless it was, and began anew meanwhile
    });
    toggle.id = "camera";
    row.append(toggle);
  }
  if (examples.length) fetched(examples[0].file, examples[0].name);
  return part;
}
