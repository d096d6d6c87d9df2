/**
 * A part of the page that scrolls by itself. It can be reached by keys, and has a name.
 * @module
 */
import type { ComponentChildren, JSX } from "preact";

/** What a scrolling part needs. */
export interface ScrollProps {
  readonly class: string;
  readonly label: string;
  readonly children: ComponentChildren;
}

export function Scroll({ class: name, label, children }: ScrollProps): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
    // biome-ignore lint/a11y/useSemanticElements: a landmark for each would be too many of them.
    <div class={name} role="group" tabIndex={0} aria-label={label}>
      {children}
    </div>
  );
}
