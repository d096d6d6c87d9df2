const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** A text in the form in which it may stand in HTML, SVG and XML, also between quotes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ENTITIES[c]);
}
