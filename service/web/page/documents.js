/** Links to what the service tells about itself: the model's card and report, and its interface. */

import { byId, element } from "./dom.js";
import { ServiceError } from "./service/api.js";

/** @typedef {import("./service/api.js").Service} Service */

const DOCUMENTS = [
  ["model/card", "Model card", "model-card.md"],
  ["model/report", "Report", "model-report.html"],
  ["docs", "API", ""],
];

/**
 * @param {Service} service
 * @param {Record<string, unknown>} paths Those of the OpenAPI document
 */
export function addDocuments(service, paths) {
  const links = DOCUMENTS.filter(([path]) => path === "docs" || `/${path}` in paths).map(([path = "", text = "", file = ""]) => {
    const link = element("a", { href: path, target: "_blank", rel: "noopener" }, text);
    // a link sends no key: where one is needed, the document is fetched and saved
    link.addEventListener("click", (event) => {
      if (!file || !service.hasKey) return;
      event.preventDefault();
      save(service, path, file).catch((error) => {
        const why = error instanceof ServiceError ? error.message : "No key was given.";
        link.replaceWith(element("span", { role: "alert" }, `${text}: ${why}`));
      });
    });
    return link;
  });
  byId("documents", HTMLElement).replaceChildren(...links);
}

/**
 * @param {Service} service
 * @param {string} path
 * @param {string} file
 */
async function save(service, path, file) {
  const url = URL.createObjectURL(await (await service.answered(path)).blob());
  element("a", { href: url, download: file }).click();
  URL.revokeObjectURL(url);
}
