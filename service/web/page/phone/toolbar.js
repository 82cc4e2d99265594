/** What sets a phone at once: the example, a text that is pasted; and the link that holds it. */

import { byId } from "../dom.js";
import { linkTo } from "./link.js";
import { readPasted } from "./pasted.js";

/** @typedef {import("./phone.js").Phone} Phone */

/** @param {Phone} phone */
export function addToolbar(phone) {
  const paste = byId("paste", HTMLDialogElement);
  const text = byId("paste-text", HTMLTextAreaElement);
  const error = byId("paste-error", HTMLElement);

  byId("example", HTMLButtonElement).addEventListener("click", () => phone.set(phone.example, "set"));
  byId("open-paste", HTMLButtonElement).addEventListener("click", () => {
    text.value = "";
    error.textContent = "";
    paste.showModal();
  });
  byId("paste-form", HTMLFormElement).addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("value") !== "take") return;
    const why = taken(phone, text.value);
    error.textContent = why;
    if (why) event.preventDefault();
  });
  // a phone that is pasted anywhere else, also into the field of one feature, is taken for one
  document.addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.getData("text/plain") ?? "";
    if (event.target === text || document.querySelector("dialog[open]") || !/[{\t;]|,.*,|\n./.test(pasted)) return;
    if (!taken(phone, pasted)) event.preventDefault();
  });
  addCopying(phone);
}

/**
 * Set what a text says, and return why it says nothing, or an empty text.
 * @param {Phone} phone
 * @param {string} text
 */
function taken(phone, text) {
  try {
    phone.set(readPasted(text, phone.features), "set");
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @param {Phone} phone */
function addCopying(phone) {
  const button = byId("copy-link", HTMLButtonElement);
  const dialog = byId("link", HTMLDialogElement);
  const field = byId("link-field", HTMLInputElement);
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const link = linkTo(phone);
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = label;
      }, 2000);
    } catch {
      // pages that came without TLS have no clipboard
      field.value = link;
      dialog.showModal();
      field.select();
    }
  });
}
