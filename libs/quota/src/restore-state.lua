-- Puts back what Redis has lost, once: the ledger's copy is merged into what has been counted since. Follows clock.lua.
--
-- input    { slowed, learnt, rejected, daily: { field: text }, day }
-- Returns  1 when something was put back, 0 when Redis had lost nothing
if not redis.call('SET', prefix .. ':restored', string.format('%.0f', now), 'NX') then return 0 end
for name, fields in pairs({ slowed = input.slowed, learnt = input.learnt }) do
  for field, text in pairs(fields) do redis.call('HSETNX', prefix .. ':' .. name, field, text) end
end
for field, text in pairs(input.rejected) do redis.call('HINCRBYFLOAT', prefix .. ':rejected', field, text) end
local dayKey = prefix .. ':day:' .. input.day
for field, text in pairs(input.daily) do
  if string.sub(field, 1, 1) == '!' then
    redis.call('HSETNX', dayKey, field, text)
  else
    redis.call('HINCRBYFLOAT', dayKey, field, text)
  end
  redis.call('EXPIRE', dayKey, 172800)
end
return 1
