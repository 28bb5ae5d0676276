// Places an order with the generated client, and the same order again.

import assert from "node:assert/strict";

import { createClient, createConfig } from "./generated-client/client/index.js";
import { findOrder, placeOrder } from "./generated-client/index.js";

const [baseUrl] = process.argv.slice(2);
assert(baseUrl, "usage: place.ts URL");
const client = createClient(createConfig({ baseUrl: baseUrl as "/" }));

const headers = { "Idempotency-Key": `typescript-${crypto.randomUUID()}` };
const body = { item: "espresso beans", quantity: 2 };
const placed = await placeOrder({ client, headers, body });
assert.equal(placed.response?.status, 201);
const again = await placeOrder({ client, headers, body });
assert.equal(again.response?.status, 200);
assert.deepEqual(again.data, placed.data);
const id: string = placed.data!.id;
assert.deepEqual((await findOrder({ client, path: { id } })).data, { id, ...body });

const reused = await placeOrder({ client, headers, body: { ...body, quantity: 3 } });
assert.equal(reused.response?.status, 409);
assert.equal(reused.data, undefined);
assert.ok(reused.error && "code" in reused.error);
assert.equal(reused.error.code, "IDEMPOTENCY_KEY_REUSED");

// The key is required: without it, this would be an error of the compiler.
// @ts-expect-error
const missing = await placeOrder({ client, body });
assert.equal(missing.response?.status, 400);
