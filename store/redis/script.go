package redis

import "github.com/redis/go-redis/v9"

// The scripts take the keys of keys.written and the arguments tenant, revision,
// envelope, and an id that nobody has used before; commit also the revision that
// is expected. The stream is written first: it is what can fail, for want of
// memory or because somebody has put something else there, and then nothing is
// written at all. It is cut to about 1,000 entries; who has missed more finds
// out by the poll.

// commit puts a document in the place of the one with the expected revision. A
// commit that has been carried out already, but whose answer was lost, succeeds
// again. It gives -1 on success, else the revision that is there.
var commit = redis.NewScript(`
local head = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') or 0
if head ~= tonumber(ARGV[5]) then
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 100)) do
    if entry[2][6] == ARGV[4] then return -1 end
  end
  return head
end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'tenant', ARGV[1], 'revision', ARGV[2], 'id', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', KEYS[3], ARGV[4])
return -1`)

// restore puts a document back that Redis has lost or damaged. It gives 1 if it
// has, 0 if there is a newer one, or the same already.
var restore = redis.NewScript(`
local head = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') or 0
if head > tonumber(ARGV[2]) then return 0 end
if head == tonumber(ARGV[2]) and redis.pcall('GET', KEYS[2]) == ARGV[3] then return 0 end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'tenant', ARGV[1], 'revision', ARGV[2], 'id', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', KEYS[3], ARGV[4])
return 1`)
