package reports

import (
	"container/list"
	"sync"
	"time"
)

// RecentLimits bound the answers that are kept to be given again. A zero is the
// default.
//
// An answer is kept for four times as long as it took to make, so that no more
// than a fifth of the time is spent on a report that is asked for without end,
// and at most for Age. What took less than Cheap is made anew every time.
type RecentLimits struct {
	// Age of an answer. Default: 10 seconds.
	Age time.Duration
	// Cheap is what takes too little time to be kept. Default: 100 ms.
	Cheap time.Duration
	// Answers, and bytes of all of them together. Default: 64, and 32 MiB.
	Answers int
	Bytes   int64
	// Answer is how many bytes one of them may have. Default: 8 MiB.
	Answer int64
}

func (l RecentLimits) complete() RecentLimits {
	setDefault(&l.Age, 10*time.Second)
	setDefault(&l.Cheap, 100*time.Millisecond)
	setDefault(&l.Answers, 64)
	setDefault(&l.Bytes, 32<<20)
	setDefault(&l.Answer, 8<<20)
	return l
}

// keptFor is how many times as long as it took to make an answer is kept.
const keptFor = 4

// recent is the answers that were made last. It is safe for concurrent use.
type recent struct {
	limits RecentLimits

	mu    sync.Mutex
	kept  map[question]*list.Element
	order *list.List // of *answer, the oldest first
	bytes int64
}

// answer is one that is kept.
type answer struct {
	question question
	text     []byte
	until    time.Time
}

func newRecent(limits RecentLimits) *recent {
	return &recent{limits: limits, kept: map[question]*list.Element{}, order: list.New()}
}

// find returns an answer that is not too old.
func (r *recent) find(q question, now time.Time) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	element := r.kept[q]
	if element == nil {
		return nil, false
	}
	if kept := element.Value.(*answer); now.Before(kept.until) {
		return kept.text, true
	}
	r.remove(element)
	return nil, false
}

// keep adds an answer that took a while to make, in place of older ones if there
// are too many.
func (r *recent) keep(q question, text []byte, took time.Duration, now time.Time) {
	if size := int64(cap(text)); took < r.limits.Cheap || size > min(r.limits.Answer, r.limits.Bytes) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if element := r.kept[q]; element != nil {
		r.remove(element)
	}
	age := min(keptFor*took, r.limits.Age)
	element := r.order.PushBack(&answer{q, text, now.Add(age)})
	r.kept[q] = element
	r.bytes += int64(cap(text))
	for r.order.Len() > r.limits.Answers || r.bytes > r.limits.Bytes {
		r.remove(r.order.Front())
	}
	// An edge that is not asked again keeps nothing.
	time.AfterFunc(age, func() { r.expire(q, element) })
}

func (r *recent) expire(q question, element *list.Element) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[q] == element {
		r.remove(element)
	}
}

func (r *recent) remove(element *list.Element) {
	kept := r.order.Remove(element).(*answer)
	delete(r.kept, kept.question)
	r.bytes -= int64(cap(kept.text))
}
