/** Files that are dropped anywhere on the page. */

/**
 * @param {(file: File) => void} take
 */
export function takeDrops(take) {
  const root = document.documentElement;
  let depth = 0;
  /** @param {DragEvent} event */
  const hasFile = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => {
    if (!hasFile(event)) return;
    depth += 1;
    root.classList.add("is-dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (hasFile(event)) depth -= 1;
    if (depth <= 0) root.classList.remove("is-dropping");
  });
  document.addEventListener("dragover", (event) => {
    if (hasFile(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    depth = 0;
    root.classList.remove("is-dropping");
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}
