/**
 * The keys, and what is true of all figures, in a dialog.
 * @module
 */
import { type Signal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { say } from "./say.ts";

export function Help({ isOpen }: { readonly isOpen: Signal<boolean> }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useSignalEffect(() => {
    if (isOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      const isTyping = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
      if (event.key === "?" && !isTyping) isOpen.value = true;
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [isOpen]);
  const { helpText: our } = say.value;
  return (
    <dialog
      ref={dialog}
      aria-labelledby="help-heading"
      onClose={() => {
        isOpen.value = false;
      }}
    >
      <h2 id="help-heading">{our.heading}</h2>
      <table>
        <tbody>
          {our.keys.map(([keys, what]) => (
            <tr key={what}>
              <th scope="row">
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {our.about.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      <button
        type="button"
        class="main"
        onClick={() => {
          isOpen.value = false;
        }}
      >
        {our.close}
      </button>
    </dialog>
  );
}
