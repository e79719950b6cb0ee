// Predicts on what the camera sees, frame after frame, as long as the page asks for it.
import {run} from "./page.js";

const WORDS = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's settings, or choose a picture",
  NotFoundError: "There is no camera here. Choose a picture",
  NotReadableError: "The camera is used by another program. Close that, or choose a picture",
};

/** put: takes RGBA bytes, width and height; on: whether to go on. Raises Error where there is no camera to be had. */
export async function watch(w, h, put, on) {
  const size = {ideal: Math.max(320, w, h)}; // pixels; more would only be resized here
  const stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment", width: size}}).catch((error) => {
    throw new Error(WORDS[error.name] || `The camera does not work: ${error.message}`);
  });
  const video = document.createElement("video"), canvas = document.createElement("canvas"), context = canvas.getContext("2d", {willReadFrequently: true});
  Object.assign(video, {srcObject: stream, muted: true, playsInline: true});
  try {
    await video.play();
    while (on() && stream.active) {
      const {videoWidth: width, videoHeight: height} = video;
      [canvas.width, canvas.height] = [width, height];
      context.drawImage(video, 0, 0);
      put(context.getImageData(0, 0, width, height).data, width, height);
      await run();
      await new Promise(requestAnimationFrame);
    }
  } finally {
    stream.getTracks().forEach((track) => track.stop());
  }
}
