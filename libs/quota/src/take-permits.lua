-- Decides a list of permit requests at once, on Redis's clock.
--
-- KEYS[1]  prefix of every governor key, with the hash tag that keeps them in one slot of a cluster
-- ARGV[1]  JSON: { horizon, day, requests: [{ gate, buckets: [[key, costMs, aheadMs, quota, cost, dayLimit]],
--          choices: [[key, key, ...], costMs, aheadMs, quota, cost] or null }] }
--          gate '' needs none; dayLimit > 0 makes the bucket a count of the day, dayLimit < 0 only counts
-- Returns  one array a request: {0, at, choice} granted for `at` (ms from now); {1, wait} to be asked again in `wait` ms;
--          {2} gate missing; {3} gate closed; {4} the day's quota is used up. `choice` is 1-based, 0 when there was none.
--
-- Each paced bucket keeps the time up to which it is spent. A missing one starts at now: empty, without burst. A step back
-- of the clock is clamped by the latest time seen.
local prefix = KEYS[1]
local input = cjson.decode(ARGV[1])

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local latest = tonumber(redis.call('GET', prefix .. ':clock') or '0')
if latest > now then now = latest end
redis.call('SET', prefix .. ':clock', now)

local gates = {}
local function gateOf(id)
  if gates[id] == nil then gates[id] = redis.call('GET', prefix .. ':gate:' .. id) or 'missing' end
  return gates[id]
end

-- Factor by which Google's own refusals have slowed a quota down; it recovers by a twentieth a second.
local factors = {}
local function factorOf(quota)
  if factors[quota] == nil then
    local slowed = redis.call('HMGET', prefix .. ':slowed', quota, quota .. '@')
    local factor = 1
    if slowed[1] then factor = math.min(1, tonumber(slowed[1]) + (now - tonumber(slowed[2])) / 20000) end
    factors[quota] = factor
  end
  return factors[quota]
end

local spent = {}
local function spentOf(key)
  if spent[key] == nil then spent[key] = tonumber(redis.call('GET', prefix .. ':spent:' .. key) or now) end
  return spent[key]
end

local days = {}
local function dayOf(quota)
  if days[quota] == nil then days[quota] = tonumber(redis.call('HGET', prefix .. ':day:' .. input.day, quota) or '0') end
  return days[quota]
end

local used = {}
local touched = {}
local touchedDays = {}
local answers = {}

local function earliest(key, aheadMs)
  return math.max(now, spentOf(key) - aheadMs)
end

local function decide(request)
  if request.gate ~= '' then
    local gate = gateOf(request.gate)
    if gate == 'missing' then return { 2 } end
    if gate ~= 'open' then return { 3 } end
  end
  local at = now
  for _, bucket in ipairs(request.buckets) do
    if bucket[6] > 0 and dayOf(bucket[4]) + bucket[5] > bucket[6] then return { 4 } end
    if bucket[2] > 0 then at = math.max(at, earliest(bucket[1], bucket[3])) end
  end
  local choice = 0
  local choices = request.choices
  if choices and choices ~= cjson.null then
    local best = nil
    for index, key in ipairs(choices[1]) do
      local time = spentOf(key)
      if best == nil or time < best then best = time choice = index end
    end
    if choices[2] > 0 then at = math.max(at, earliest(choices[1][choice], choices[3])) end
  end
  if at > now + input.horizon then return { 1, at - now - math.floor(input.horizon / 2) } end
  for _, bucket in ipairs(request.buckets) do
    if bucket[2] > 0 then
      spent[bucket[1]] = math.max(spentOf(bucket[1]), now) + bucket[2] / factorOf(bucket[4])
      touched[bucket[1]] = true
    end
    if bucket[6] ~= 0 then
      days[bucket[4]] = dayOf(bucket[4]) + bucket[5]
      touchedDays[bucket[4]] = true
    end
    used[bucket[4]] = (used[bucket[4]] or 0) + bucket[5]
  end
  if choice > 0 then
    local key = choices[1][choice]
    spent[key] = math.max(spentOf(key), now) + choices[2] / factorOf(choices[4])
    touched[key] = true
    used[choices[4]] = (used[choices[4]] or 0) + choices[5]
  end
  return { 0, at - now, choice }
end

for index, request in ipairs(input.requests) do answers[index] = decide(request) end

for key in pairs(touched) do
  local time = math.ceil(spent[key] * 1000) / 1000
  redis.call('SET', prefix .. ':spent:' .. key, string.format('%.3f', time), 'PX', math.ceil(math.max(1000, time - now + 1000)))
end
for quota in pairs(touchedDays) do
  redis.call('HSET', prefix .. ':day:' .. input.day, quota, days[quota])
  redis.call('EXPIRE', prefix .. ':day:' .. input.day, 172800)
end
local slot = prefix .. ':used:' .. math.floor(now / 10000)
local any = false
for quota, amount in pairs(used) do
  redis.call('HINCRBYFLOAT', slot, quota, amount)
  any = true
end
if any then redis.call('EXPIRE', slot, 90) end
return answers
