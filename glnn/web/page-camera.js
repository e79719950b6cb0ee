// Predicts on what the camera sees, frame after frame, as long as the page asks for it.
import {run} from "./page.js";

const WORDS = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's settings, or choose a picture",
  NotFoundError: "There is no camera here. Choose a picture",
  NotReadableError: "The camera is used by another program. Close that, or choose a picture",
};

/** side: pixels that are wanted; put: takes each frame, an ImageBitmap; on: whether to go on. Raises Error where there is no camera to be had. */
export async function watch(side, put, on) {
  const size = {ideal: Math.max(320, side)}; // pixels; more would only be resized here
  const stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment", width: size}}).catch((error) => {
    throw new Error(WORDS[error.name] || `The camera does not work: ${error.message}`);
  });
  const video = document.createElement("video");
  Object.assign(video, {srcObject: stream, muted: true, playsInline: true});
  try {
    await video.play();
    while (on() && stream.active) {
      const frame = await createImageBitmap(video, {premultiplyAlpha: "none", colorSpaceConversion: "none"});
      if (!on()) return frame.close();
      put(frame);
      await run();
      await new Promise(requestAnimationFrame);
    }
  } finally {
    stream.getTracks().forEach((track) => track.stop());
  }
}
