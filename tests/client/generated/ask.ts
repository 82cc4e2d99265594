// Asks by the types that were made of the OpenAPI document, and prints the answers: node ask.js URL PHONE
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [url, text] = process.argv.slice(2);
if (url === undefined || text === undefined) throw new Error("expected URL and PHONE");
const phone: components["schemas"]["Phone"] = JSON.parse(text);
const client = createClient<paths>({ baseUrl: url });

const one = await client.POST("/predict", { body: phone, params: { query: { sets: 0.9, explain: true } } });
const many = await client.POST("/predict/batch", { body: { phones: [phone, { ...phone, wifi: true }] } });
const changed = await client.POST("/predict/what-if", { body: { phone, price_range: 1 } });
const curve = await client.POST("/predict/curve", {
  body: { phone, feature: "ram", points: 3, within: "training_range" },
});
const refused = await client.POST("/predict", { body: { ...phone, ram: 4 } });

// each of these is typed: a member that the document does not name would not compile
const probabilities: number[] | undefined = one.data?.probabilities;
const pointer: string | undefined = refused.error?.errors[0]?.pointer;
if (probabilities?.length !== 4 || pointer !== "/ram") throw new Error(JSON.stringify([one, refused]));
console.log(JSON.stringify([one.data, many.data, changed.data, curve.data, refused.error]));
