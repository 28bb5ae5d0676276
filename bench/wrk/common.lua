-- Shared by all scripts: random keys, requests as bytes, and a machine-readable summary.
local hex = {}
for i = 0, 65535 do hex[i] = string.format("%04x", i) end
local random, concat = math.random, table.concat

local started = 0
function setup(thread)
   started = started + 1
   thread:set("number", started)
end

-- A different sequence for each thread of each run.
function seed()
   local file = assert(io.open("/dev/urandom", "rb"))
   local a, b, c, d, e, f = file:read(6):byte(1, 6)
   file:close()
   math.randomseed(((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f + number)
end

-- UUID version 4.
function uuid()
   return concat({
      hex[random(0, 65535)], hex[random(0, 65535)], "-", hex[random(0, 65535)], "-",
      hex[random(0x4000, 0x4fff)], "-", hex[random(0x8000, 0xbfff)], "-",
      hex[random(0, 65535)], hex[random(0, 65535)], hex[random(0, 65535)],
   })
end

-- An optional token, for a server that authenticates its clients.
local token = os.getenv("TOKEN")
local authorization = token and "Authorization: Bearer " .. token .. "\r\n" or ""

local body = '{"item":"espresso beans","quantity":2}'
local before = "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" ..
   "Content-Length: " .. #body .. "\r\n" .. authorization .. "Idempotency-Key: "
local after = "\r\n\r\n" .. body

function order(key)
   return before .. key .. after
end

-- An optional random pause before each request, PAUSE ms on average.
local pause = tonumber(os.getenv("PAUSE") or 0)
if pause > 0 then
   function delay() return random(0, 2 * pause) end
end

-- wrk corrects for coordinated omission: for each latency n it also counts n - interval,
-- n - 2 * interval and so on, down to the interval. This removes them, from the longest down, so that
-- percentiles are those of the requests that were sent, as in pgbench.
local connections = tonumber(os.getenv("CONNECTIONS"))
local function sent(summary, latency)
   local interval = math.floor(summary.duration / math.floor(summary.requests / connections))
   local counts = {}
   for i = 1, #latency do
      local value, count = latency(i)
      counts[value] = count
   end
   for n = latency.max, 2 * interval, -1 do
      local count = counts[n] or 0
      for m = n - interval, interval + 1, -interval do
         if count > 0 then counts[m] = counts[m] - count end
      end
   end
   return counts
end

local function percentile(counts, latency, requests, p)
   local seen = 0
   for n = latency.min, latency.max do
      seen = seen + (counts[n] or 0)
      if seen >= requests * p / 100 then return n end
   end
   return latency.max
end

function done(summary, latency)
   local e = summary.errors
   local counts = sent(summary, latency)
   local total = 0
   for _, count in pairs(counts) do total = total + count end
   io.write(string.format(
      '\nRESULT {"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"max_us":%d,' ..
      '"refused":%d,"broken":%d,"timeouts":%d}\n',
      summary.requests, summary.duration / 1e6,
      percentile(counts, latency, total, 50), percentile(counts, latency, total, 99), latency.max,
      e.status, e.connect + e.read + e.write, e.timeout))
end
