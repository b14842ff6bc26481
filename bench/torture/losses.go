package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

var losses = []fault{
	{"F11", "FLUSHALL, DEL, RENAME, another type", "0 wrong, the newest is back ≤ 5 s", loseKeys},
	{"F15", "poisoned documents", "0 applied, edges live", poison},
	{"F16", "every older signed document again", "0 applied", replay},
}

const documentKey = "{experiments}:document:default/production"

// back waits until Redis has a document as it was, and says itself that this is
// the newest one.
func (s *scene) back(server *redistest.Server, text string) time.Duration {
	revision := strings.Fields(text)[3]
	return s.within(10*time.Second, "the newest document is back", func() bool {
		kind, err := server.Try("TYPE", documentKey)
		return err == nil && kind == "string" && server.Command("GET", documentKey) == text &&
			server.Command("HGET", "{experiments}:heads", "default/production") == revision
	})
}

func loseKeys(s *scene) {
	server, a, b := s.single()
	for i, lose := range [][]string{
		{"FLUSHALL"}, {"DEL", documentKey}, {"DEL", "{experiments}:heads"},
		{"RENAME", documentKey, "elsewhere"}, {"SETRANGE", documentKey, "500", "garbage"},
	} {
		s.publish(a, i+2)
		s.inStep(5*time.Second, i+2, a, b)
		newest := server.Command("GET", documentKey)
		server.Command(lose...)
		s.limit(strings.ToLower(lose[0])+" "+strings.TrimPrefix(strings.Join(lose[1:min(2, len(lose))], ""), "{experiments}:"), s.back(server, newest), 5*time.Second)
	}
	s.load.judge(true)
}

func poison(s *scene) {
	server, a, b := s.single()
	s.publish(a, 2)
	s.inStep(5*time.Second, 2, a, b)
	good := server.Command("GET", documentKey)
	memory, _ := b.use()
	corpus := poisons(good)
	if s.short {
		rand.Shuffle(len(corpus), func(i, j int) { corpus[i], corpus[j] = corpus[j], corpus[i] })
		corpus = corpus[:20]
	}
	for _, bad := range corpus {
		server.Command("SET", documentKey, bad)
		s.back(server, good)
	}
	s.inStep(5*time.Second, 2, a, b)
	s.publish(a, 3)
	s.inStep(5*time.Second, 3, a, b)
	s.load.judge(true)
	more, _ := b.use()
	s.note("%d poisoned, memory %+d MB", len(corpus), (more-memory)>>20)
	if b.status().Status != "healthy" {
		s.miss("the edge is not healthy")
	}
	if b.log("experiment_config_rejected")+a.log("experiment_config_rejected") == 0 {
		s.miss("nothing of it is in the log")
	}
}

// poisons are documents that nobody must follow.
func poisons(good string) (corpus []string) {
	line, text, _ := strings.Cut(good, "\n")
	words := strings.Split(line, " ")
	with := func(place int, word string) string {
		changed := append([]string{}, words...)
		changed[place] = word
		return strings.Join(changed, " ") + "\n" + text
	}
	for i := range 80 { // broken off
		corpus = append(corpus, good[:len(good)*i/80])
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same each time
	for range 80 {                        // a bit
		flipped := []byte(good)
		flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
		corpus = append(corpus, string(flipped))
	}
	for range 20 { // a piece that is twice there, or gone
		at := random.IntN(len(good) - 100)
		corpus = append(corpus, good[:at]+good[at:at+100]+good[at:], good[:at]+good[at+100:])
	}
	corpus = append(corpus,
		with(0, "experiments.v2"), with(1, "other"), with(2, "acme/staging"), with(3, "1"), with(3, "999"), with(3, "-1"), with(3, "1e9"),
		with(4, "-"), with(5, "-"), strings.Join(words[:4], " ")+" - -\n"+text,
		"{}", text, strings.Repeat("[", 100_000), `{"a":`+strings.Repeat(`{"a":`, 100_000), line+"\n"+strings.Repeat(" ", 64<<20),
		string(bytes.Repeat([]byte{0}, 1000)), "NaN", line+"\n{\"experiments\":[{\"weight\":NaN}]}",
	)
	return corpus
}

func replay(s *scene) {
	server, a, b := s.single()
	var older []string
	last := 40
	if s.short {
		last = 8
	}
	for n := 2; n <= last; n++ {
		older = append(older, server.Command("GET", documentKey))
		s.publish(a, n)
	}
	s.inStep(5*time.Second, last, a, b)
	newest := server.Command("GET", documentKey)
	for i, old := range older {
		server.Command("SET", documentKey, old)
		server.Command("HSET", "{experiments}:heads", "default/production", fmt.Sprint(i+1))
		server.Command("SET", "{experiments}:state", fmt.Sprint("replay ", i))
		server.Command("XADD", "{experiments}:changes", "*", "tenant", "default/production", "revision", fmt.Sprint(i+1), "id", "replay")
		s.back(server, newest)
		if x, y := a.number(), b.number(); x != last || y != last {
			s.miss("after a replay the edges decide by %d and %d", x, y)
		}
	}
	s.load.judge(true)
	s.note("%d replayed", len(older))
}
