// The input part of models that take a picture: chosen, dropped, pasted, an example, or from the camera.
import {button, make, problem, run, solved} from "./page.js";
import {BLACK, area, bytes, image, taken, turned} from "./page-pixels.js";

/** Fills the place; what it gives has `put`, which takes RGBA bytes, for parts that have more to offer than this one. */
export function open({manifest, inputs: [{name}]}, place, camera = true) {
  const shape = manifest.pictures[0], {examples} = manifest.page, [h, w, c] = shape;
  const canvas = make("canvas", {id: "input", hidden: true}), file = make("input", {type: "file", id: "file", accept: "image/*"});
  const drop = make("p", {className: "empty"}, "Drop a picture here, paste it, or choose one"), row = make("div", {className: "row"}, make("label", {className: "file main", id: "choose"}, "Choose a picture", file));
  const tried = make("div", {className: "row"}, ...examples.map(({name: alt, file: src}) => {
    const node = button("", () => fetched(src), "example");
    node.append(make("img", {src, alt: `Example: ${alt}`}));
    return node;
  }));
  let seen, stop, number = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Picture, as the model sees it");
  place.append(canvas, drop, row, ...examples.length ? [tried] : []);

  const part = {
    canvas, row, drop,
    empty: "Choose a picture, and the answer comes here",
    ask: () => seen && {[name]: turned(shape, seen)},
    put(data, width, height, part = area(manifest, shape, width, height)) {
      seen = taken(manifest, shape, data, width, part, c > 3 ? BLACK : manifest.picture.background);
      image(manifest, shape, seen, canvas);
      canvas.hidden = false;
      drop.hidden = true;
      solved();
    },
    async show(blob, title) {
      const mine = ++number; // pictures that come faster than they are read: the last one stays
      if (stop) stop();
      try {
        const bitmap = await createImageBitmap(blob, {premultiplyAlpha: "none", colorSpaceConversion: "none"});
        if (mine !== number) return;
        part.put(bytes(bitmap), bitmap.width, bitmap.height);
      } catch {
        return problem(`${title} is no picture that this browser reads. Choose a PNG or JPEG file.`);
      }
      await run();
    },
  };
  const given = (files) => files.length && part.show(files[0], files[0].name);
  const fetched = async (src) => part.show(await (await fetch(src)).blob(), src);
  file.onchange = () => given(file.files);
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
      number++;
      stop = () => (stop = undefined, toggle.textContent = "Camera");
      toggle.textContent = "Stop";
      try {
        const {watch} = await import("./page-camera.js"), mine = stop;
        await watch(w, h, part.put, () => stop === mine);
      } catch (error) {
        problem(error);
      }
      if (stop) stop();
    });
    toggle.id = "camera";
    row.append(toggle);
  }
  if (examples.length) fetched(examples[0].file);
  return part;
}
