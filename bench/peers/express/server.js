// An idempotent order service as in tutorials: one transaction per request reserves the key, inserts
// the order, and completes the key row with the response.
import cluster from 'node:cluster'
import { createHash, randomUUID } from 'node:crypto'
import express from 'express'
import pg from 'pg'

const { PORT, DATABASE_URL, WORKERS = '1', POOL = '10' } = process.env

const RESERVE = `INSERT INTO idempotency_keys (key, request_hash) VALUES ($1, $2)
  ON CONFLICT (key) DO NOTHING RETURNING key`
const FIND = 'SELECT request_hash, status, response FROM idempotency_keys WHERE key = $1'
const INSERT = 'INSERT INTO orders (id, item, quantity) VALUES ($1, $2, $3)'
const COMPLETE = 'UPDATE idempotency_keys SET status = $2, response = $3 WHERE key = $1'

// Named statements: the driver prepares each once per connection.
const statements = { RESERVE, FIND, INSERT, COMPLETE }
const query = (client, name, values) => client.query({ name, text: statements[name], values })

const hash = (order) => createHash('sha256').update(JSON.stringify(order)).digest('hex')

async function place(client, key, order) {
  const requestHash = hash(order)
  await client.query('BEGIN')
  const reserved = await query(client, 'RESERVE', [key, requestHash])
  if (reserved.rowCount === 0) {
    const found = await query(client, 'FIND', [key])
    await client.query('COMMIT')
    const [stored] = found.rows
    if (stored.request_hash !== requestHash) {
      return { status: 409, body: { error: 'Idempotency key reused with different request' } }
    }
    return { status: 200, body: stored.response, replayed: true }
  }
  const body = { id: randomUUID(), item: order.item, quantity: order.quantity }
  await query(client, 'INSERT', [body.id, body.item, body.quantity])
  await query(client, 'COMPLETE', [key, 201, body])
  await client.query('COMMIT')
  return { status: 201, body }
}

function valid({ item, quantity } = {}) {
  return typeof item === 'string' && item.length >= 1 && item.length <= 255 &&
    Number.isInteger(quantity) && quantity >= 1 && quantity <= 2147483647
}

function serve() {
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL) })
  const app = express()
  app.use(express.json())

  app.get('/health', async (_request, response) => {
    await pool.query('SELECT 1')
    response.json({ status: 'ok' })
  })

  app.post('/orders', async (request, response) => {
    const key = request.get('Idempotency-Key')
    if (!key) return response.status(400).json({ error: 'Idempotency-Key header is required' })
    if (!valid(request.body)) return response.status(400).json({ error: 'invalid order' })
    const { item, quantity } = request.body
    const client = await pool.connect()
    try {
      const answer = await place(client, key, { item, quantity })
      if (answer.replayed) response.set('Idempotent-Replayed', 'true')
      response.location(`/orders/${answer.body.id}`).status(answer.status).json(answer.body)
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {})
      response.status(503).json({ error: error.message })
    } finally {
      client.release()
    }
  })

  app.listen(Number(PORT), '127.0.0.1', 4096)
}

if (cluster.isPrimary && Number(WORKERS) > 1) {
  for (let i = 0; i < Number(WORKERS); i++) cluster.fork()
} else {
  serve()
}
