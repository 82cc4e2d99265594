/** The dialog that asks for an API key. */

import { byId } from "../dom.js";

/**
 * Ask for a key. Rejects where the dialog is closed without one.
 * @param {string} why What the service said.
 * @returns {Promise<string>}
 */
export function askForKey(why) {
  const dialog = byId("key", HTMLDialogElement);
  const field = byId("key-field", HTMLInputElement);
  byId("key-why", HTMLElement).textContent = why;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.addEventListener(
      "close",
      () => {
        const key = field.value.trim();
        field.value = "";
        if (dialog.returnValue === "use" && key) resolve(key);
        else reject(new Error(why));
      },
      { once: true },
    );
  });
}
