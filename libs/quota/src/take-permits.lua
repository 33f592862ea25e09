-- Decides a list of permit requests at once. Follows clock.lua.
--
-- input    { horizon, day, limits: { quota: configured }, requests: [{ gate,
--          buckets: [[key, costMs, aheadMs, quota, cost, dayLimit, shared]],
--          choices: [[key, key, ...], costMs, aheadMs, quota, cost] or null }] }
--          gate '' needs none; dayLimit > 0 makes the bucket a count of the day, dayLimit < 0 only counts; a bucket whose
--          costMs is 0 is not paced; shared: 1, or 0 for a single person's
-- Returns  one array a request: {0, at, choice} granted for `at` (ms from now); {1, wait} to be asked again in `wait` ms;
--          {2} gate missing; {3} gate closed; {4} the day's quota is used up. `choice` is 1-based, 0 when there was none.
--
-- Each paced bucket keeps the time up to which it is spent. A shared one that is missing starts at the horizon: permits up
-- to there may have been given before it was lost.
local gates = {}
local function gateOf(id)
  if gates[id] == nil then gates[id] = redis.call('GET', prefix .. ':gate:' .. id) or 'missing' end
  return gates[id]
end

local factors = {}
local function factorOf(quota)
  if factors[quota] == nil then
    local factor = slownessOf(quota)
    local learnt = learntOf(quota)
    local limit = tonumber(input.limits[quota])
    if learnt and limit and learnt < limit then factor = factor * learnt / limit end
    factors[quota] = factor
  end
  return factors[quota]
end

local spent = {}
local function spentOf(key, shared)
  if spent[key] == nil then
    local known = redis.call('GET', prefix .. ':spent:' .. key)
    if known then spent[key] = tonumber(known) else spent[key] = now + (shared == 1 and input.horizon or 0) end
  end
  return spent[key]
end

local dayKey = prefix .. ':day:' .. input.day
local day = {}
do
  local fields = redis.call('HGETALL', dayKey)
  for index = 1, #fields, 2 do day[fields[index]] = fields[index + 1] end
end
local function dayOf(quota)
  return tonumber(day[quota] or '0')
end
local function dayLimitOf(bucket)
  local learnt = bucket[6] > 0 and learntOf(bucket[4]) or nil
  return learnt and math.min(learnt, bucket[6]) or bucket[6]
end
local function isOver(key)
  return day['!' .. key] ~= nil
end

local used = {}
local touched = {}
local touchedDays = {}

local function earliest(key, aheadMs, shared)
  return math.max(now, spentOf(key, shared) - aheadMs)
end

local function spend(key, costMs, quota, cost, shared)
  if costMs > 0 then
    spent[key] = math.max(spentOf(key, shared), now) + costMs / factorOf(quota)
    touched[key] = shared
  end
  used[quota] = (used[quota] or 0) + cost
end

local function decide(request)
  if request.gate ~= '' then
    local gate = gateOf(request.gate)
    if gate == 'missing' then return { 2 } end
    if gate ~= 'open' then return { 3 } end
  end
  local at = now
  for _, bucket in ipairs(request.buckets) do
    if isOver(bucket[1]) then return { 4 } end
    if bucket[6] > 0 and dayOf(bucket[4]) + bucket[5] > dayLimitOf(bucket) then return { 4 } end
    if bucket[2] > 0 then at = math.max(at, earliest(bucket[1], bucket[3], bucket[7])) end
  end
  local choice = 0
  local choices = request.choices
  if choices and choices ~= cjson.null then
    local best = nil
    for index, key in ipairs(choices[1]) do
      local time = spentOf(key, 1)
      if not isOver(key) and (best == nil or time < best) then best = time choice = index end
    end
    if choice == 0 then return { 4 } end
    if choices[2] > 0 then at = math.max(at, earliest(choices[1][choice], choices[3], 1)) end
  end
  if at > now + input.horizon then return { 1, at - now - math.floor(input.horizon / 2) } end
  for _, bucket in ipairs(request.buckets) do
    spend(bucket[1], bucket[2], bucket[4], bucket[5], bucket[7])
    if bucket[6] ~= 0 then
      day[bucket[4]] = dayOf(bucket[4]) + bucket[5]
      touchedDays[bucket[4]] = true
    end
  end
  if choice > 0 then spend(choices[1][choice], choices[2], choices[4], choices[5], 1) end
  return { 0, at - now, choice }
end

local answers = {}
for index, request in ipairs(input.requests) do answers[index] = decide(request) end

for key, shared in pairs(touched) do keepSpent(key, spent[key], shared == 1) end
for quota in pairs(touchedDays) do redis.call('HSET', dayKey, quota, day[quota]) end
if next(touchedDays) ~= nil then redis.call('EXPIRE', dayKey, 172800) end
local slot = prefix .. ':used:' .. math.floor(now / 10000)
for quota, amount in pairs(used) do redis.call('HINCRBYFLOAT', slot, quota, amount) end
if next(used) ~= nil then redis.call('EXPIRE', slot, 90) end
return answers
