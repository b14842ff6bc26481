package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Message is one of a queue. Err says why it is none of ours; there is no body
// then.
type Message = struct {
	ID   string
	Body []byte
	Err  error
}

// Queue carries messages between the processes of one prefix. Redis may lose
// them. It is safe for concurrent use.
type Queue struct {
	store *Store
	limit int

	messages  string // the key of the stream
	confirmed string // the key of a hash of senders to the numbers confirmed
}

// DefaultQueueLimit is how many messages a queue holds.
const DefaultQueueLimit = 2000

// ErrQueueFull says that the queue holds as many messages as it may.
var ErrQueueFull = errors.New("the queue in redis is full: nobody reads it, or more slowly than it is filled")

// Queue gives the queue of the store's prefix. It ends with the store.
func (s *Store) Queue() *Queue {
	tag := "{" + s.options.Prefix + "}:"
	return &Queue{store: s, limit: DefaultQueueLimit, messages: tag + "events", confirmed: tag + "events:confirmed"}
}

// add puts messages at the end of the stream, all or none. It gives their ids,
// or nothing where there is no room.
var add = redis.NewScript(`
if redis.call('XLEN', KEYS[1]) + #ARGV - 1 > tonumber(ARGV[1]) then return {} end
local ids = {}
for i = 2, #ARGV do ids[i - 1] = redis.call('XADD', KEYS[1], '*', 'm', ARGV[i]) end
return ids`)

// missing counts the messages that are not in the stream any more.
var missing = redis.NewScript(`
local count = 0
for _, id in ipairs(ARGV) do
  if #redis.call('XRANGE', KEYS[1], id, id) == 0 then count = count + 1 end
end
return count`)

// confirm notes a number unless a greater one is there. What is compared are 20
// digits: a script counts exactly only up to 1<<53. A script has a copy of what
// it reads, so it asks for the length first; not every user may.
var confirm = redis.NewScript(`
local size = redis.pcall('HSTRLEN', KEYS[1], ARGV[1])
local found = (type(size) ~= 'number' or size <= 512) and redis.call('HGET', KEYS[1], ARGV[1])
if found and #found <= 512 and string.sub(found, 1, 20) >= string.sub(ARGV[2], 1, 20) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`)

// Add puts messages at the end, all or none of them, and gives their ids.
func (q *Queue) Add(ctx context.Context, messages ...[]byte) (ids []string, err error) {
	if len(messages) == 0 {
		return nil, nil
	}
	arguments := []any{q.limit}
	for _, body := range messages {
		arguments = append(arguments, q.sealMessage(body))
	}
	err = q.store.command(ctx, func(ctx context.Context) error {
		ids, err = add.Run(ctx, q.store.client, []string{q.messages}, arguments...).StringSlice()
		return err
	})
	if err == nil && len(ids) == 0 {
		err = ErrQueueFull
	}
	if err != nil {
		return nil, fmt.Errorf("adding to the queue: %w", err)
	}
	return ids, nil
}

// Missing counts which of some messages are not in the queue any more.
func (q *Queue) Missing(ctx context.Context, ids ...string) (count int, err error) {
	arguments := make([]any, len(ids))
	for i, id := range ids {
		arguments[i] = id
	}
	err = q.store.command(ctx, func(ctx context.Context) error {
		count, err = missing.Run(ctx, q.store.client, []string{q.messages}, arguments...).Int()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking for messages in the queue: %w", err)
	}
	return count, nil
}

const (
	// longestMessage bounds a message with its line. Ours have a quarter of it.
	longestMessage = 1 << 20
	// readAtOnce is after how many bytes a reading has enough.
	readAtOnce = 4 << 20
)

// Read gives the oldest messages that are there. If there are none it waits for
// one, though for no longer than streamWait.
//
// Others can put messages of any size into the queue, and Redis has a reply ready
// before it sends it. So one message is asked for first, then two, then four; one
// that is too large to be read is deleted unread and has an Err.
func (q *Queue) Read(ctx context.Context, limit int, block time.Duration) ([]Message, error) {
	var messages []Message
	after, count, size := "0", 1, 0
	for len(messages) < limit && size < readAtOnce {
		asked := min(count, limit-len(messages))
		entries, err := q.read(ctx, after, asked, min(block, streamWait))
		over, isOver := errors.AsType[*tooLarge](err)
		switch {
		case isOver && asked > 1:
			count = 1
			continue
		case isOver:
			var removed Message
			if removed, err = q.remove(ctx, over); err == nil {
				messages, after, block = append(messages, removed), removed.ID, 0
				continue
			}
		}
		if err != nil && len(messages) == 0 {
			return nil, fmt.Errorf("reading the queue: %w", err)
		}
		for _, entry := range entries {
			m := q.message(entry)
			messages, after, size = append(messages, m), m.ID, size+len(m.Body)
		}
		if len(entries) < asked {
			break
		}
		count, block = 2*count, 0
	}
	return messages, nil
}

// read reads messages after one.
func (q *Queue) read(ctx context.Context, after string, count int, block time.Duration) (entries []redis.XMessage, err error) {
	if block < time.Millisecond || q.store.circuit.isLost() {
		// A Redis that is lost is tried by one command at a time.
		err = q.store.command(ctx, func(ctx context.Context) (err error) {
			entries, err = q.next(ctx, after, count, -1)
			return err
		})
		return entries, err
	}
	waiting, cancel := context.WithTimeout(ctx, block+q.store.options.Timeout)
	defer cancel()
	entries, err = q.next(waiting, after, count, block)
	switch {
	case err == nil || errors.Is(err, errReplyTooLarge) || ctx.Err() != nil:
		return entries, err
	case saysNo(err):
		return nil, unavailable(err)
	}
	q.store.circuit.failed(err)
	return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

func (q *Queue) next(ctx context.Context, after string, count int, block time.Duration) ([]redis.XMessage, error) {
	streams, err := q.store.client.XRead(ctx, &redis.XReadArgs{
		Streams: []string{q.messages, after}, Count: int64(count), Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}

// remove deletes the message of a reply that was too large.
func (q *Queue) remove(ctx context.Context, reply *tooLarge) (Message, error) {
	id := oversized(q.messages, reply.begin)
	if id == "" {
		return Message{}, reply
	}
	return Message{ID: id, Err: refused("it is too large: %v", reply)}, q.Delete(ctx, id)
}

// entryForm is the form of an entry's id.
var entryForm = regexp.MustCompile(`^\d{1,20}-\d{1,20}$`)

// oversized returns the id of the entry of a stream that a reply begins with;
// empty if there is none. The reply has the key, then the number of entries and
// that of an entry's parts, then the id.
func oversized(key string, begin []byte) string {
	_, rest, _ := bytes.Cut(begin, []byte(key+"\r\n"))
	lines := strings.SplitN(string(rest), "\r\n", 5)
	if len(lines) < 5 || lines[2] != "$"+strconv.Itoa(len(lines[3])) || !entryForm.MatchString(lines[3]) {
		return ""
	}
	return lines[3]
}

// Delete removes messages. Those that are not there do not matter.
func (q *Queue) Delete(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	err := q.store.command(ctx, func(ctx context.Context) error { return q.store.client.XDel(ctx, q.messages, ids...).Err() })
	if err != nil {
		return fmt.Errorf("deleting from the queue: %w", err)
	}
	return nil
}

// Confirm says that everything of a sender up to a number has arrived. The
// greatest number stays.
func (q *Queue) Confirm(ctx context.Context, sender string, seq uint64) error {
	err := q.store.command(ctx, func(ctx context.Context) error {
		return confirm.Run(ctx, q.store.client, []string{q.confirmed}, sender, q.sealConfirmation(sender, seq)).Err()
	})
	if err != nil {
		return fmt.Errorf("confirming what is in the queue: %w", err)
	}
	return nil
}

// Confirmed gives the greatest number that was confirmed to a sender. It is not
// ok if there is none, or one by somebody else, which is removed.
func (q *Queue) Confirmed(ctx context.Context, sender string) (seq uint64, ok bool, err error) {
	var text string
	err = q.store.command(ctx, func(ctx context.Context) error {
		text, err = q.store.client.HGet(ctx, q.confirmed, sender).Result()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if errors.Is(err, errReplyTooLarge) {
			text = "too large"
			return nil
		}
		return err
	})
	if err == nil && text != "" {
		if seq, ok = q.openConfirmation(sender, text); !ok {
			err = q.store.command(ctx, func(ctx context.Context) error { return q.store.client.HDel(ctx, q.confirmed, sender).Err() })
		}
	}
	if err != nil {
		return 0, false, fmt.Errorf("asking the queue for what is confirmed: %w", err)
	}
	return seq, ok, nil
}

// A message is kept as a line
//
//	experiments.queue.v1 <prefix> <key id> <signature>
//
// and the body; a confirmation as 20 digits, key id and signature in one line.
// What is signed begins in another way for each of them and for documents.
const (
	messageFormat      = "experiments.queue.v1"
	confirmationFormat = "experiments.confirmed.v1"
)

func (q *Queue) sealMessage(body []byte) []byte {
	keyID, _ := q.store.options.Sealer.Seal(nil)
	head := messageFormat + " " + q.store.options.Prefix + " " + keyID
	_, signature := q.store.options.Sealer.Seal(signedPart(head, body))
	return signedPart(head+" "+signature, body)
}

func (q *Queue) message(entry redis.XMessage) Message {
	text, _ := entry.Values["m"].(string)
	body, err := q.openMessage([]byte(text))
	return Message{ID: entry.ID, Body: body, Err: err}
}

func (q *Queue) openMessage(text []byte) ([]byte, error) {
	if len(text) > longestMessage {
		return nil, refused("it has more than %d bytes", longestMessage)
	}
	end := bytes.IndexByte(text[:min(len(text), longestLine)], '\n')
	if end < 0 {
		return nil, refused("it is no message of ours: the first line is missing")
	}
	fields := strings.Split(string(text[:end]), " ")
	if len(fields) != 4 || fields[0] != messageFormat {
		return nil, refused("it is no message of ours: it does not begin with %s and three words", messageFormat)
	}
	if fields[1] != q.store.options.Prefix {
		return nil, refused("it belongs to the prefix %.64q", fields[1])
	}
	body := text[end+1:]
	if err := q.verify(fields[2], fields[3], signedPart(strings.Join(fields[:3], " "), body)); err != nil {
		return nil, err
	}
	return body, nil
}

func (q *Queue) sealConfirmation(sender string, seq uint64) string {
	keyID, _ := q.store.options.Sealer.Seal(nil)
	digits := fmt.Sprintf("%020d", seq)
	_, signature := q.store.options.Sealer.Seal(q.confirmation(sender, digits, keyID))
	return digits + " " + keyID + " " + signature
}

func (q *Queue) openConfirmation(sender, text string) (uint64, bool) {
	fields := strings.Split(text, " ")
	if len(fields) != 3 || len(fields[0]) != 20 {
		return 0, false
	}
	seq, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return 0, false
	}
	return seq, q.verify(fields[1], fields[2], q.confirmation(sender, fields[0], fields[1])) == nil
}

// confirmation is what is signed of one.
func (q *Queue) confirmation(sender, digits, keyID string) []byte {
	return []byte(strings.Join([]string{confirmationFormat, q.store.options.Prefix, keyID, sender, digits}, " "))
}

// verify checks a signature, which may be missing where that is let in.
func (q *Queue) verify(keyID, signature string, message []byte) error {
	if keyID == unsigned && signature == unsigned {
		if q.store.options.AcceptUnsigned {
			return nil
		}
		return refused("it is not signed")
	}
	if err := q.store.options.Sealer.Verify(keyID, signature, message); err != nil {
		return fmt.Errorf("%w: %w", store.ErrRefused, err)
	}
	return nil
}
