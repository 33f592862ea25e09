-- Notes that Google refused a call for its quota. Follows clock.lua.
--
-- input    { day, daily, retryAfterMs, blamed: [[key, quota, aheadMs, shared, slowed]], learnt: [quota, limit] or null }
--          blamed are the buckets that the refusal concerns; slowed: 1 when their whole quota is to go slower
--          learnt is the limit that Google named, in amounts of the quota document without time scale
--
-- Calls that were under way together are refused together: a quota is slowed once a second, not once a call.
local slowestFactor = 0.1
local blamed = input.blamed
for _, bucket in ipairs(blamed) do
  local key, quota, aheadMs, shared, slowed = bucket[1], bucket[2], bucket[3], bucket[4], bucket[5]
  redis.call('HINCRBY', prefix .. ':rejected', quota, 1)
  if input.daily then
    redis.call('HSET', prefix .. ':day:' .. input.day, '!' .. key, '1')
    redis.call('EXPIRE', prefix .. ':day:' .. input.day, 172800)
  end
  if slowed == 1 then
    local since = tonumber(redis.call('HGET', prefix .. ':slowed', quota .. '@') or '-inf')
    if math.abs(now - since) >= 1000 then
      local factor = math.max(slowestFactor, slownessOf(quota) * 0.9)
      redis.call('HSET', prefix .. ':slowed', quota, factor, quota .. '@', now)
    end
  end
  if input.retryAfterMs > 0 then
    local spent = tonumber(redis.call('GET', prefix .. ':spent:' .. key) or now)
    local untilMs = now + input.retryAfterMs + aheadMs
    if untilMs > spent then keepSpent(key, untilMs, shared == 1) end
  end
end
if input.learnt and input.learnt ~= cjson.null then
  redis.call('HSET', prefix .. ':learnt', input.learnt[1], input.learnt[2], input.learnt[1] .. '@', now)
end
return 1
