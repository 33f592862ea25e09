-- Common beginning of the governor's scripts: the prefix of its keys, the input, and the time.
--
-- KEYS[1]  prefix of every governor key, with the hash tag that keeps them in one slot of a cluster
-- ARGV[1]  the input, JSON
--
-- `now` is Redis's clock in milliseconds, kept from going back: when the clock was set back, the difference is remembered
-- and added from then on, so that nobody waits for the old time to come again.
local prefix = KEYS[1]
local input = cjson.decode(ARGV[1])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
do
  local known = redis.call('HMGET', prefix .. ':clock', 'latest', 'ahead')
  local latest = tonumber(known[1] or '0')
  local ahead = tonumber(known[2] or '0')
  if now + ahead < latest then
    ahead = latest - now
    redis.call('HSET', prefix .. ':clock', 'ahead', ahead)
  end
  now = now + ahead
  redis.call('HSET', prefix .. ':clock', 'latest', now)
end

-- How much slower than configured a quota is to be paced: Google's refusals slow it down, and it recovers by a twentieth a
-- second; a limit that Google named holds for a day after it was last named.
local slowedMs = 20000
local learntMs = 86400000
local function slownessOf(quota)
  local slowed = redis.call('HMGET', prefix .. ':slowed', quota, quota .. '@')
  if not slowed[1] then return 1 end
  return math.min(1, tonumber(slowed[1]) + math.max(0, now - tonumber(slowed[2])) / slowedMs)
end
local function learntOf(quota)
  local learnt = redis.call('HMGET', prefix .. ':learnt', quota, quota .. '@')
  if not learnt[1] or now - tonumber(learnt[2]) > learntMs then return nil end
  return tonumber(learnt[1])
end

-- Keeps the time up to which a bucket is spent. Shared buckets start empty when they are missing, so they are kept for an
-- hour; those of single persons are gone as soon as they no longer matter.
local function keepSpent(key, untilMs, shared)
  local keptMs = math.ceil(math.max(1000, untilMs - now + 1000))
  if shared then keptMs = keptMs + 3600000 end
  redis.call('SET', prefix .. ':spent:' .. key, string.format('%.3f', math.ceil(untilMs * 1000) / 1000), 'PX', keptMs)
end
