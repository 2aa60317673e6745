"""The scripts of `roost.journal.redis`. Each is atomic; KEYS[1] is the generation, ARGV[1] the epoch.

Redis gives a script no types: a missing value is false, and numbers are doubles, exact up to 2^53.
"""

from __future__ import annotations

_COMMON = """
-- Entries at the end of a log before which another may still be put, because another node was slower.
local LATE = 50

local generation = redis.call('GET', KEYS[1])
local epoch = ARGV[1]

local function named(kind, uid)
  return 'roost:' .. kind .. ':' .. epoch .. ':' .. (generation or '') .. ':' .. uid
end

local function id(seq) return string.format('%.0f-1', seq) end

local function seq_of(id) return tonumber(string.match(id, '^%d+')) end

local function drop(uid)
  redis.call('DEL', named('log', uid), named('base', uid))
  return false
end

-- Until so many seconds from now at least.
local function keep(uid, seconds)
  redis.call('EXPIRE', named('log', uid), seconds, 'GT')
  redis.call('EXPIRE', named('base', uid), seconds, 'GT')
end

-- Where a log begins and ends; nothing where it can't be told.
local function reach(uid)
  local base = tonumber(redis.call('GET', named('base', uid)) or '')
  local last = redis.call('XREVRANGE', named('log', uid), '+', '-', 'COUNT', 1)[1]
  if not base or not last then return nil end
  return base, math.max(base, seq_of(last[1]))
end

-- The next entries after a seq of a log that ends at head; nothing where one is missing. It was trimmed, if nothing is
-- before it. It may still come, if it is not far from the end. Else the log is of no use.
local function read(uid, after, head, count)
  local rows = redis.call('XRANGE', named('log', uid), id(after + 1), '+', 'COUNT', count)
  for place, row in ipairs(rows) do
    local seq = after + place
    if row[1] ~= id(seq) then
      local hole = head - seq > LATE and redis.call('XREVRANGE', named('log', uid), id(seq), '-', 'COUNT', 1)[1]
      return hole and drop(uid)
    end
  end
  return rows
end
"""

RENEW = """
-- A new generation: if there is none, if Redis was started since it was made, or if it is asked for.
-- run, forced
local old = tonumber(redis.call('GET', KEYS[1]) or '0')
if old == 0 or ARGV[3] == '1' or redis.call('GET', KEYS[2]) ~= ARGV[2] then
  local now = redis.call('TIME')
  redis.call('SET', KEYS[1], string.format('%.0f', math.max(old + 1, now[1] * 1000000 + now[2])))
  redis.call('SET', KEYS[2], ARGV[2])
end
"""

ADD = (
    _COMMON
    + """
-- length, seconds, MessagePack of [[mid or '', version, JSON, [[uid, seq, origin], ...]], ...]
-- Returns whether there is a generation to add to.
if not generation then return 0 end

local function append(log, seq, field, value, origin)
  return redis.pcall('XADD', log, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[2], id(seq), field, value, 'o', origin)
end

-- What another node committed later is here already: that is taken away, and put back behind this.
local function insert(log, seq, field, value, origin)
  local later = redis.call('XRANGE', log, id(seq), '+', 'COUNT', LATE + 1)
  if #later == 0 or #later > LATE or later[1][1] == id(seq) then return end
  for _, row in ipairs(later) do redis.call('XDEL', log, row[1]) end
  local before = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  redis.call('XSETID', log, before and before[1] or '0-0')
  append(log, seq, field, value, origin)
  for _, row in ipairs(later) do redis.call('XADD', log, row[1], unpack(row[2])) end
end

local function enter(uid, seq, field, value, origin)
  local log = named('log', uid)
  local added = append(log, seq, field, value, origin)
  if type(added) == 'table' then
    if not string.find(added.err, 'equal or smaller', 1, true) then error(added.err) end
    insert(log, seq, field, value, origin)
  end
  return added
end

-- A message that somebody's log has. A newer version takes the place of an older one, whoever has that.
local function store(mid, version, text, kept)
  local key = 'roost:msg:' .. epoch .. ':' .. mid
  if version > 1 then
    local old = redis.call('GET', key)
    if old then kept = cjson.decode(old).version < version end
    if kept then redis.call('SET', key, text, 'EX', ARGV[3]) end
  elseif kept then
    redis.call('SET', key, text, 'EX', ARGV[3], 'NX')
  end
end

for _, entry in ipairs(cmsgpack.unpack(ARGV[4])) do
  local mid, version, text, places = unpack(entry)
  local message, kept = mid ~= '', false
  for _, place in ipairs(places) do
    local uid = string.format('%.0f', place[1])
    local field, value = 'c', text
    if message then field, value = 'm', mid end
    if enter(uid, place[2], field, value, string.format('%.0f', place[3])) then kept = true end
  end
  if message then store(mid, version, text, kept) end
end
return 1
"""
)

BEGIN = (
    _COMMON
    + """
-- uid, seconds, token
if not generation then return false end
local uid, seconds = ARGV[2], ARGV[3]
local base = redis.call('GET', named('base', uid))
if base and redis.call('EXISTS', named('log', uid)) == 1 then
  keep(uid, seconds)
  return string.sub(base, 1, 1) == '?' and base
end
drop(uid)
redis.call('XADD', named('log', uid), '0-1', 'begun', '')
redis.call('EXPIRE', named('log', uid), seconds)
redis.call('SET', named('base', uid), ARGV[4], 'EX', seconds)
return ARGV[4]
"""
)

BASED = (
    _COMMON
    + """
-- uid, token, head
local base = named('base', ARGV[2])
if redis.call('GET', base) == ARGV[3] then redis.call('SET', base, ARGV[4], 'KEEPTTL') end
"""
)

STANDING = (
    _COMMON
    + """
-- uid, did, position, seconds
local uid, position = ARGV[2], tonumber(ARGV[4])
local base, head = reach(uid)
if not base or position < base or position > head then return false end
keep(uid, ARGV[5])
while position < head do
  local rows = read(uid, position, head, 100)
  if not rows then return false end
  for _, row in ipairs(rows) do
    local what, origin = row[2][1], row[2][4]
    if what == 'm' and origin ~= ARGV[3] then return {id(position), id(head)} end
    position = position + 1
  end
end
return {id(position), id(head)}
"""
)

PAGE = (
    _COMMON
    + """
-- uid, after, count. Returns the head, and for each entry: its field, its text, its origin.
local uid, after = ARGV[2], tonumber(ARGV[3])
local base, head = reach(uid)
if not base or after < base or after > head then return false end
local rows = read(uid, after, head, tonumber(ARGV[4]))
if not rows then return false end
local answer = {id(head)}
for _, row in ipairs(rows) do
  local field, text = row[2][1], row[2][2]
  if field == 'm' then text = redis.call('GET', 'roost:msg:' .. epoch .. ':' .. text) end
  if not text then return drop(uid) end
  answer[#answer + 1] = field
  answer[#answer + 1] = text
  answer[#answer + 1] = row[2][4]
end
return answer
"""
)

DROP = (
    _COMMON
    + """
-- uid, unless
local base, head = reach(ARGV[2])
if not base or head < tonumber(ARGV[3]) then drop(ARGV[2]) end
"""
)

SAVE = (
    _COMMON
    + """
-- seconds, seconds of a log, MessagePack of [[key, uid, position, marked, JSON], ...]
for _, state in ipairs(cmsgpack.unpack(ARGV[4])) do
  local key, uid, position, marked, text = unpack(state)
  local old = redis.call('GET', key)
  local known, was = pcall(cjson.decode, old)
  if old and known and was.epoch == epoch then
    marked = math.max(marked, was.marked or 0)
    if seq_of(was.last_message_id) > position then
      position, text = seq_of(was.last_message_id), string.gsub(old, ',"marked":%d+}$', '}')
    end
  end
  if marked > position then text = string.format('%s,"marked":%.0f}', string.sub(text, 1, -2), marked) end
  redis.call('SET', key, text, 'EX', ARGV[2])
  if generation then keep(string.format('%.0f', uid), ARGV[3]) end
end
"""
)
