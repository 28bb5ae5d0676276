// A service to judge with `orders hammer`: docs/hammer.md walks through it.
//
//   PORT=4000 node examples/payments/server.mjs           looks for the key, then pays: wrong
//   PORT=4000 node examples/payments/server.mjs mended    claims the key before it does anything
//
// It needs nothing but Node, and keeps everything in memory. `turn` stands for a statement of a
// database: other requests run while it waits.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setImmediate as turn } from "node:timers/promises";

const payments = [];
const answers = new Map();

async function pay({ reference, amount }) {
  await turn(); // INSERT INTO payments
  const payment = { id: randomUUID(), reference, amount };
  payments.push(payment);
  return { payload: JSON.stringify([reference, amount]), payment };
}

/** As it is often written. Two requests with one key can both find nothing. */
async function naive(key, body) {
  await turn(); // SELECT answer FROM idempotency_keys WHERE key = $1
  const known = answers.get(key);
  if (known) return [known, false];
  const made = await pay(body);
  await turn(); // INSERT INTO idempotency_keys
  answers.set(key, made);
  return [made, true];
}

/** The key is claimed before anything waits: INSERT … ON CONFLICT DO NOTHING, in a database. */
async function mended(key, body) {
  const known = answers.get(key);
  if (known) return [await known, false];
  const made = pay(body);
  answers.set(key, made);
  return [await made, true];
}

const place = process.argv[2] === "mended" ? mended : naive;

async function answer(request, response) {
  if (request.method === "GET") return send(response, 200, payments);
  let text = "";
  for await (const part of request) text += part;
  const key = request.headers["idempotency-key"];
  if (!key?.trim()) return send(response, 400, { error: "no Idempotency-Key" });
  const body = JSON.parse(text);
  if (!Number.isInteger(body.amount)) return send(response, 400, { error: "amount: a whole number" });
  const [{ payload, payment }, fresh] = await place(key, body);
  const same = payload === JSON.stringify([body.reference, body.amount]);
  if (!same) return send(response, 422, { error: "the key belongs to another payment" });
  send(response, fresh ? 201 : 200, payment);
}

function send(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

createServer((request, response) => {
  answer(request, response).catch((error) => send(response, 400, { error: error.message }));
}).listen(Number(process.env.PORT ?? 4000), "127.0.0.1");
