package redis

import "github.com/redis/go-redis/v9"

// readHead begins the scripts with what they have in common. What is no revision
// counts as none, as in parseHead. A script has a copy of what it reads, so it
// asks for the length first; not every user may.
const readHead = `
local function readHead()
  local size = redis.pcall('HSTRLEN', KEYS[1], ARGV[1])
  if type(size) == 'number' and size > 16 then return 0, '' end
  local text = redis.call('HGET', KEYS[1], ARGV[1])
  if text and #text > 16 then return 0, '' end
  if not text or not string.match(text, '^%d+$') then return 0, text end
  local head = tonumber(text)
  if head > 2251799813685248 then return 0, text end
  return head, text
end
local function holds(text)
  local size = redis.pcall('STRLEN', KEYS[2])
  if type(size) == 'number' and size ~= #text then return false end
  return (redis.pcall('GET', KEYS[2]) or '') == text
end
local function write()
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'tenant', ARGV[1], 'revision', ARGV[2], 'id', ARGV[4])
  redis.call('SET', KEYS[2], ARGV[3])
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('SET', KEYS[3], ARGV[4])
end`

// The scripts take the keys of keys.written and the arguments tenant, revision,
// envelope, and an id that nobody has used before; commit also the revision that
// is expected. The stream is written first: it is what can fail, for want of
// memory or because somebody has put something else there, and then nothing is
// written at all. It is cut to about 1,000 entries; who has missed more finds
// out by the poll.

// commit puts a document in the place of the one with the expected revision. A
// commit that has been carried out already, but whose answer was lost, succeeds
// again. It gives -1 on success, else the revision that is there.
var commit = redis.NewScript(readHead + `
local head = readHead()
if head ~= tonumber(ARGV[5]) then
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 100)) do
    if entry[2][6] == ARGV[4] then return -1 end
  end
  return head
end
write()
return -1`)

// restore puts a document back that Redis has lost or damaged. It gives 1 if it
// has, 0 if there is a newer one, or the same already.
var restore = redis.NewScript(readHead + `
local head = readHead()
if head > tonumber(ARGV[2]) then return 0 end
if head == tonumber(ARGV[2]) and holds(ARGV[3]) then return 0 end
write()
return 1`)

// lower puts a head right that is ahead of every document. It takes the newest
// document that is known, or an empty text for none, and then the texts of the
// head and of the document that are there. It returns 1 if it has, 0 if one of them
// has changed meanwhile, and -1 if the stream knows of a newer write: that
// document may come back.
var lower = redis.NewScript(readHead + `
local _, text = readHead()
if text ~= ARGV[5] or not holds(ARGV[6]) then return 0 end
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 2000)) do
  if entry[2][2] == ARGV[1] and (tonumber(entry[2][4]) or 0) > tonumber(ARGV[2]) then return -1 end
end
if ARGV[3] ~= '' then
  write()
  return 1
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SET', KEYS[3], ARGV[4])
return 1`)

// overrule puts a document in place whatever is there, unless the head is
// another one than the text that is expected. It returns 1 if it has, else 0.
var overrule = redis.NewScript(readHead + `
local _, text = readHead()
if (text or '') ~= ARGV[5] then return 0 end
write()
return 1`)
