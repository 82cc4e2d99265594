/** Two views of the page, as tabs: one phone, a table. Arrow keys change between them (ARIA's pattern). */

import { byId } from "./dom.js";

const NAMES = ["phone", "table"];

/** Let the tabs work, and return what opens one. */
export function addTabs() {
  const tabs = NAMES.map((name) => byId(`tab-${name}`, HTMLButtonElement));
  const panels = NAMES.map((name) => byId(`panel-${name}`, HTMLElement));
  /** @param {number} chosen */
  const open = (chosen) => {
    for (const [place, tab] of tabs.entries()) {
      tab.setAttribute("aria-selected", String(place === chosen));
      tab.tabIndex = place === chosen ? 0 : -1;
    }
    for (const [place, panel] of panels.entries()) panel.hidden = place !== chosen;
  };
  for (const [place, tab] of tabs.entries()) {
    tab.addEventListener("click", () => open(place));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = (place + 1) % tabs.length;
      open(other);
      tabs[other]?.focus();
    });
  }
  return { openTable: () => open(1) };
}
