// The one error that the runner throws.

/** Every error of this module. `code` is one of the names in runner.d.ts; the message says what to do next. */
export class GlnnError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "GlnnError";
    this.code = code;
  }
}

const fail = (code, message) => {
  throw new GlnnError(code, message);
};

export {fail};
