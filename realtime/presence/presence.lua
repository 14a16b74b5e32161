-- Who is here, over all workers. One script, so that each step is one instant to everybody.
--
-- KEYS[1] is the prefix of all keys. ARGV: the operation; the settings and the job, as JSON.
-- "who" is "p:<user>" (a member or an agent) or "c:<user>" (a customer). Times are milliseconds of
-- Redis's own clock, `opened` is in microseconds. A status is a word, and what else was said after a space.
--
--   workers         worker → when its lease ends
--   worker:<name>   its connections, "<who> <connection>"
--   orders:<name>   what it is asked to do with them
--   user:<who>      connection → "<worker>|<opened>|<path>"
--   connected       everybody who has a connection
--   choice:<who>    the status that was chosen
--   told:<p or c>   user → the status that was told last; who is offline is not in it
--   since           user → when it was told to be online; members and agents only
--   due             who → when to look at it again
--   hush:<who>      there while nothing may be told of it
--   version         of what was told: each change has the next one
--   era             the name of this Redis's memory: another one after a loss
--   beat, calm      when a worker last ticked; when that was after a gap, in a new era, or in another run of Redis
--   run             which run of Redis that was
--   mode            "watch" above the limit of a broadcast

local prefix, operation = KEYS[1], ARGV[1]
local set, job = cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changes, wake, leases = {}, {}, {}

local function key(name) return prefix .. name end
local function number(name) return tonumber(redis.call('GET', key(name)) or '0') end
local calm = number('calm')

-- Whether a worker's connections count. When nobody has ticked for a while it was Redis that was away, and all get time to come back.
local function alive(worker)
  if leases[worker] == nil then
    local ends = redis.call('ZSCORE', key('workers'), worker)
    leases[worker] = ends ~= false and (tonumber(ends) > now or now < calm + set.lease)
  end
  return leases[worker]
end

local function parts(value) return string.match(value, '^([^|]*)|([^|]*)|(.*)$') end

local function connections(who)
  local count = 0
  for _, value in ipairs(redis.call('HVALS', key('user:' .. who))) do
    if alive(parts(value)) then count = count + 1 end
  end
  return count
end

local function tell(who, kind, status)
  changes[#changes + 1] = {redis.call('INCR', key('version')), kind, who, status, now}
  if set.quiet > 0 then redis.call('SET', key('hush:' .. who), '1', 'PX', set.quiet) end
end

-- Make what is told of somebody what is true of it, as soon as it may be told.
local function settle(who)
  local class, user = string.sub(who, 1, 1), string.sub(who, 3)
  local told = redis.call('HGET', key('told:' .. class), user) or 'offline'
  local here = connections(who) > 0
  local truth = here and (redis.call('GET', key('choice:' .. who)) or 'online') or 'offline'
  if string.sub(truth, 1, 7) == 'offline' then truth = 'offline' end
  if truth == told then
    redis.call('ZREM', key('due'), who)
    return
  end
  local wait = redis.call('PTTL', key('hush:' .. who))
  if not here then wait = math.max(wait, calm + set.grace - now) end
  if wait > 0 then
    redis.call('ZADD', key('due'), now + wait, who)
    return
  end
  redis.call('ZREM', key('due'), who)
  if truth == 'offline' then
    redis.call('HDEL', key('told:' .. class), user)
    redis.call('ZREM', key('since'), user)
    tell(who, 'offline', truth)
  elseif told == 'offline' then
    redis.call('HSET', key('told:' .. class), user, 'online')
    if class == 'p' then redis.call('ZADD', key('since'), now, user) end
    tell(who, 'online', 'online')
    -- That it is away, say, is told next.
    if truth ~= 'online' then redis.call('ZADD', key('due'), now + set.quiet, who) end
  else
    redis.call('HSET', key('told:' .. class), user, truth)
    tell(who, 'status', truth)
  end
end

-- A connection has gone. With the last one the grace begins.
local function gone(who)
  if redis.call('EXISTS', key('user:' .. who)) == 0 then redis.call('SREM', key('connected'), who) end
  if redis.call('HEXISTS', key('told:' .. string.sub(who, 1, 1)), string.sub(who, 3)) == 1 and connections(who) == 0 then
    redis.call('ZADD', key('due'), now + set.grace, who)
    if set.grace == 0 then settle(who) end
  end
end

local function forget(worker, who, id)
  redis.call('SREM', key('worker:' .. worker), who .. ' ' .. id)
  local value = redis.call('HGET', key('user:' .. who), id)
  if value and parts(value) == worker then
    redis.call('HDEL', key('user:' .. who), id)
    return true
  end
end

local function order(worker, what, id)
  redis.call('RPUSH', key('orders:' .. worker), what .. ' ' .. id)
  redis.call('PEXPIRE', key('orders:' .. worker), 60000)
  wake[worker] = true
end

-- Make a connection known. Says "in", "out" (newer ones have its place) or "full".
local function join(each, opened)
  local all = {}
  if each.limit > 0 then
    local found = redis.call('HGETALL', key('user:' .. each.who))
    for i = 1, #found, 2 do
      local worker, since, path = parts(found[i + 1])
      if path == each.path and found[i] ~= each.id and alive(worker) then
        all[#all + 1] = {id = found[i], worker = worker, opened = tonumber(since)}
      end
    end
  end
  if each.refuse and #all >= each.limit and each.limit > 0 then
    for _, other in ipairs(all) do order(other.worker, 'probe', other.id) end
    return 'full'
  end
  redis.call('HSET', key('user:' .. each.who), each.id, job.worker .. '|' .. opened .. '|' .. each.path)
  redis.call('SADD', key('worker:' .. job.worker), each.who .. ' ' .. each.id)
  redis.call('SADD', key('connected'), each.who)
  -- After a loss of memory nobody who hid may be seen.
  if each.chosen then redis.call('SET', key('choice:' .. each.who), each.chosen, 'NX', 'PX', set.remember) end
  local result = 'in'
  if each.limit > 0 and #all >= each.limit then
    all[#all + 1] = {id = each.id, worker = job.worker, opened = tonumber(opened)}
    table.sort(all, function(a, b) return a.opened < b.opened or (a.opened == b.opened and a.id < b.id) end)
    for i = 1, #all - each.limit do
      forget(all[i].worker, each.who, all[i].id)
      if all[i].id == each.id then result = 'out' else order(all[i].worker, 'replace', all[i].id) end
    end
  end
  settle(each.who)
  return result
end

-- Take away what a dead worker has left, so much at a time that nobody waits for it.
local function clear(worker)
  for _, member in ipairs(redis.call('SPOP', key('worker:' .. worker), set.page)) do
    local who, id = string.match(member, '^(%S+) (.*)$')
    if forget(worker, who, id) then gone(who) end
  end
  if redis.call('EXISTS', key('worker:' .. worker)) == 0 then
    redis.call('ZREM', key('workers'), worker)
    redis.call('DEL', key('orders:' .. worker))
  end
end

local function orders(worker)
  local found = redis.call('LRANGE', key('orders:' .. worker), 0, set.page - 1)
  redis.call('LTRIM', key('orders:' .. worker), set.page, -1)
  return found
end

local function count(class) return redis.call('HLEN', key('told:' .. class)) end

local function choose_mode()
  local here = count('p') + count('c')
  local watching = redis.call('EXISTS', key('mode')) == 1
  if not watching and here >= set.limit then
    redis.call('SET', key('mode'), 'watch')
    changes[#changes + 1] = {redis.call('INCR', key('version')), 'mode', '', 'watch', now}
  elseif watching and here < set.again then
    redis.call('DEL', key('mode'))
    changes[#changes + 1] = {redis.call('INCR', key('version')), 'mode', '', 'broadcast', now}
  end
end

local function person(class, user)
  local who = class .. ':' .. user
  local told = redis.call('HGET', key('told:' .. class), user)
  return {told or 'offline', told and connections(who) or 0}
end

local answer = {}
local does = {}

-- Whether this Redis is another process than when somebody began before: what it knows may be from a snapshot, however young.
local function another_run()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
  return redis.call('GETSET', key('run'), run) ~= run
end

function does.tick()
  local ends = redis.call('ZSCORE', key('workers'), job.worker)
  if not job.begin and (not ends or tonumber(ends) <= now) then
    answer.again = true -- what is known of this worker's connections may be old, or nothing
    return
  end
  local beat = number('beat')
  if redis.call('SET', key('era'), job.era, 'NX') or now - beat > set.lease or (job.begin and another_run()) then
    calm = now
    redis.call('SET', key('calm'), now)
  end
  redis.call('SET', key('beat'), now)
  redis.call('ZADD', key('workers'), now + set.lease, job.worker)
  leases = {}
  if now >= calm + set.lease then
    for _, worker in ipairs(redis.call('ZRANGEBYSCORE', key('workers'), '-inf', now, 'LIMIT', 0, 3)) do clear(worker) end
    answer.more = redis.call('ZCOUNT', key('workers'), '-inf', now) > 0
  end
  for _, who in ipairs(redis.call('ZRANGEBYSCORE', key('due'), '-inf', now, 'LIMIT', 0, set.page)) do settle(who) end
  answer.more = answer.more or redis.call('ZCOUNT', key('due'), '-inf', now) > 0
  choose_mode()
  answer.orders = orders(job.worker)
end

function does.orders() answer.orders = orders(job.of or job.worker) end

function does.join()
  if not alive(job.worker) then
    answer.again = true
    return
  end
  answer.results = {}
  for i, each in ipairs(job.connections) do
    local _, since = parts(redis.call('HGET', key('user:' .. each.who), each.id) or '') -- an answer may have been lost
    local opened = each.opened or since or string.format('%.0f', time[1] * 1000000 + time[2] + i)
    local result = join(each, opened)
    local told = redis.call('HGET', key('told:' .. string.sub(each.who, 1, 1)), string.sub(each.who, 3))
    answer.results[i] = {result, opened, told or 'offline', redis.call('GET', key('choice:' .. each.who)) or ''}
  end
  choose_mode()
end

function does.leave()
  for _, each in ipairs(job.connections) do
    if forget(job.worker, each.who, each.id) then gone(each.who) end
  end
end

-- A worker begins anew under another name; its lease is not waited for.
function does.retire() redis.call('ZADD', key('workers'), 'XX', 0, job.worker) end

function does.choose()
  redis.call('SET', key('choice:' .. job.who), job.status, 'PX', set.remember)
  settle(job.who)
  choose_mode()
end

function does.look()
  answer.people = {}
  for i, user in ipairs(job.users) do answer.people[i] = person(job.kind, user) end
end

-- Agents, or with `kind` "c" customers: how each is, and its connections, though it may appear offline. `age`: for how long all of that
-- has been seen. Where nobody has ticked for a while Redis, or all workers, stood still until a moment ago, and nothing has been seen yet.
function does.attend()
  local kind = job.kind or 'p'
  answer.people, answer.age = {}, now - number('beat') > set.lease and 0 or now - calm
  for i, user in ipairs(job.users) do
    answer.people[i] = {redis.call('HGET', key('told:' .. kind), user) or 'offline', connections(kind .. ':' .. user)}
  end
end

function does.online()
  answer.people = {}
  local found = redis.call('ZREVRANGE', key('since'), 0, job.limit - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local status, count = unpack(person('p', found[i]))
    answer.people[#answer.people + 1] = {found[i], status, count, tonumber(found[i + 1])}
  end
end

-- For who watches over it: the workers, and for how long the lease of each still holds.
function does.workers()
  answer.workers, answer.customers = {}, count('c')
  local found = redis.call('ZREVRANGE', key('workers'), 0, job.limit - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    answer.workers[#answer.workers + 1] = {found[i], redis.call('SCARD', key('worker:' .. found[i])), tonumber(found[i + 1]) - now}
  end
end

-- What everybody has been told: of all, or above the limit of those who are asked for.
function does.snapshot()
  for _, class in ipairs({'p', 'c'}) do
    local told = {}
    if redis.call('EXISTS', key('mode')) == 0 then
      told = redis.call('HGETALL', key('told:' .. class))
    elseif #job.users > 0 then
      for i, status in ipairs(redis.call('HMGET', key('told:' .. class), unpack(job.users))) do
        if status then
          told[#told + 1] = job.users[i]
          told[#told + 1] = status
        end
      end
    end
    answer[class] = told
  end
end

function does.stats()
  answer.users, answer.connections = redis.call('SCARD', key('connected')), 0
  for _, worker in ipairs(redis.call('ZRANGE', key('workers'), 0, -1)) do
    if alive(worker) then answer.connections = answer.connections + redis.call('SCARD', key('worker:' .. worker)) end
  end
  answer.cursor, answer.people = '0', {}
  if job.names > 0 then
    local scanned = redis.call('SSCAN', key('connected'), job.cursor, 'COUNT', job.names)
    answer.cursor = scanned[1]
    for i, who in ipairs(scanned[2]) do answer.people[i] = {who, connections(who)} end
  end
end

function does.stand() end

does[operation]()
answer.era = redis.call('GET', key('era')) or ''
answer.version = number('version')
answer.online = count('p')
answer.mode = redis.call('EXISTS', key('mode')) == 1 and 'watch' or 'broadcast'
answer.young = answer.era == '' or now < calm + set.lease -- until then even a slow worker makes its connections known again
answer.changes = changes
answer.wake = {}
for worker in pairs(wake) do answer.wake[#answer.wake + 1] = worker end
return cjson.encode(answer)
