/** A file's way to the service and back. The tab holds neither: the file is read, and the answer kept, by the browser. */

import { ServiceError } from "../service/api.js";

/**
 * @typedef {import("../service/api.js").Service} Service
 * @typedef {{answer: Blob, readAs: string}} Answered
 * @typedef {(way: "there" | "back", share: number) => void} Told A share is NaN where it is not known
 */

/**
 * Send a file, and return its answer. Throws `ServiceError`, and an AbortError once `signal` is given.
 *
 * XMLHttpRequest is taken for the progress of what is sent, which fetch does not tell.
 * @param {Service} service
 * @param {string} path
 * @param {File} file
 * @param {string} mediaType
 * @param {Told} told
 * @param {AbortSignal} signal
 * @returns {Promise<Answered>}
 */
export async function sent(service, path, file, mediaType, told, signal) {
  const request = new XMLHttpRequest();
  request.open("POST", path);
  request.responseType = "blob";
  for (const [name, value] of Object.entries(service.headers)) request.setRequestHeader(name, value);
  request.setRequestHeader("Content-Type", mediaType);
  request.upload.addEventListener("progress", ({ loaded, total }) => told("there", loaded / total));
  request.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
    told("back", lengthComputable ? loaded / total : Number.NaN);
  });
  const abort = () => request.abort();
  signal.addEventListener("abort", abort);
  try {
    await new Promise((resolve, reject) => {
      request.addEventListener("load", resolve);
      request.addEventListener("error", () => reject(ServiceError.unreachable()));
      request.addEventListener("abort", () => reject(new DOMException("Cancelled.", "AbortError")));
      request.send(file);
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
  /** @type {Blob} */
  const answer = request.response;
  if (request.status === 200) return { answer, readAs: request.getResponseHeader("X-Table-Read-As") ?? "" };
  throw ServiceError.of(request.status, await answer.text());
}
