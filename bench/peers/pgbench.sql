-- The transaction of one new order: claims the key, inserts the order, commits. Keys and their
-- digests are UUIDs version 4; ids are in order of arrival, like version 7.
\set quantity random(1, 100)
BEGIN;
INSERT INTO idempotency_keys (digest, scope, key, fingerprint, resource, response)
VALUES (
    gen_random_uuid(),
    'place_order',
    gen_random_uuid()::text,
    '\x5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9',
    (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid,
    '{"id":"019e5c4e-5bd3-7a6c-9c3a-9d3f6f0e7a11","item":"espresso beans","quantity":2}'
) ON CONFLICT DO NOTHING RETURNING resource AS id \gset
INSERT INTO orders (id, item, quantity) VALUES (:id, 'espresso beans', :quantity);
COMMIT;
