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

/** What is thrown for an error: JavaScript's own come of files that state what cannot be. */
const told = (error, where) => !/^(Range|Syntax|Type)Error$/.test(error?.name) ? error : new GlnnError("bad-data", `${where} states what cannot be (${error.message}). Copy the exported folder again, whole`);

export {fail, told};
