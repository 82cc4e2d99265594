/** The page: ask the service what a phone is, make controls of that, and answer while they move. */

import { Live } from "./answer/live.js";
import { addDocuments } from "./documents.js";
import { byId } from "./dom.js";
import { featuresOf } from "./phone/features.js";
import { Form } from "./phone/form.js";
import { keepInLink } from "./phone/link.js";
import { Phone } from "./phone/phone.js";
import { addToolbar } from "./phone/toolbar.js";
import { Service } from "./service/api.js";
import { askForKey } from "./service/key.js";
import { Status } from "./service/status.js";
import { takeDrops } from "./table/drop.js";
import { TableView } from "./table/table.js";
import { addTabs } from "./tabs.js";

/**
 * @param {Service} service
 * @param {Status} status
 */
async function main(service, status) {
  const { openTable } = addTabs();
  const [openApi, passport] = await Promise.all([service.get("openapi.json"), service.get("model")]);
  const features = featuresOf(openApi, passport);
  const phone = new Phone(features);
  const form = new Form(phone);
  keepInLink(phone);
  addToolbar(phone);
  new Live(phone, form, service, status, passport).start();
  addDocuments(service, openApi.paths);
  const table = new TableView(service, features, passport.prediction_sets !== null);
  takeDrops((file) => {
    openTable();
    void table.take(file);
  });
}

/** @param {unknown} error */
function giveUp(error) {
  byId("start-error", HTMLElement).hidden = false;
  byId("start-error-text", HTMLElement).textContent = error instanceof Error ? error.message : String(error);
  byId("reload", HTMLButtonElement).addEventListener("click", () => location.reload());
}

const service = new Service(askForKey);
const status = new Status(service);
main(service, status)
  .catch(giveUp)
  .finally(() => status.start());
