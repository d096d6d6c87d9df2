/**
 * The frame of a report: one HTML page that needs no other file, no script and no network.
 *
 * Next: html.ts
 * @module
 */
import { escaped } from "../../library/escape.ts";

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; color: #1a1a1a; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.verdict { padding: .8rem 1rem; border-radius: .4rem; border-left: .5rem solid }
.ok { background: #eef7ec; border-color: #4d9221 } .off { background: #fdeeee; border-color: #b30000 }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; white-space: pre-wrap }
svg text { font: 11px ui-monospace, monospace } .scroll { overflow-x: auto }
table { border-collapse: collapse; font: 12px ui-monospace, monospace } td, th { padding: .1rem .7rem .1rem 0; text-align: left }
i { display: inline-block; width: .9em; height: .9em; border-radius: .2em; margin: 0 .3em 0 1em; vertical-align: -.1em }`;

/**
 * Puts a frame around the content of a page.
 *
 * @param title plain text
 * @param body HTML
 * @param style more CSS
 */
export function page(title: string, body: string, style = ""): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>${STYLE}${style}</style></head><body>
<h1>${escaped(title)}</h1>
${body}
</body></html>
`;
}
