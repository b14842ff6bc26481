package management

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// names follows next from a query to the last page.
func (s *site) names(query string) (names []any, pages int) {
	s.Helper()
	next := ""
	for {
		path := "segments?" + query
		if next != "" {
			path += "&from=" + url.QueryEscape(next)
		}
		got := s.must(200, "GET", path, "")
		pages++
		for i := 0; got.field("segments", i) != nil; i++ {
			names = append(names, got.field("segments", i, "name"))
		}
		next, _ = got.field("next").(string)
		if next == "" {
			return names, pages
		}
	}
}

func TestPaging(t *testing.T) {
	s := newSite(t, nil)
	var ids []string
	var want []any
	for i := range 60 {
		name := fmt.Sprintf("segment %d", i)
		ids = append(ids, s.must(201, "POST", "segments", `{"name":"`+name+`","rules":[{"match":{"country":["US"]}}]}`).id())
		want = append(want, name)
	}
	for _, c := range []struct {
		query string
		pages int
	}{
		{"", 3}, {"take=50", 2}, {"take=1", 60}, {"take=30&type=self", 2},
	} {
		names, pages := s.names(c.query)
		if fmt.Sprint(names) != fmt.Sprint(want) || pages != c.pages {
			t.Errorf("%q: got %d pages: %v", c.query, pages, names)
		}
	}
	if got := s.must(200, "GET", "segments?take=2&from="+ids[57], ""); got.field("segments", 0, "id") != ids[57] || got.field("next") == nil {
		t.Errorf("from an id: %s", got.text)
	}
	if got := s.must(200, "GET", "segments?from=", ""); got.field("segments", 0, "id") != ids[0] {
		t.Errorf("from nowhere: %s", got.text)
	}
	// Paging goes on where it was when the next one has been deleted meanwhile.
	next, _ := s.must(200, "GET", "segments?take=10", "").field("next").(string)
	s.must(204, "DELETE", "segments/"+ids[10], "")
	if got := s.must(200, "GET", "segments?take=10&from="+next, ""); got.field("segments", 0, "id") != ids[11] {
		t.Errorf("after a deletion: %s", got.text)
	}
	// Entities that a person wrote have no time; they come first, by id.
	s.edit(func(d *engine.Document) {
		d.Segments = append(d.Segments, engine.Segment{ID: "seg_2", Name: "two"}, engine.Segment{ID: "seg_1", Name: "one"})
	})
	if names, _ := s.names("take=1"); len(names) != 61 || names[0] != "one" || names[1] != "two" {
		t.Errorf("with a person's: %v", names)
	}
	for _, query := range []string{"take=0", "take=51", "take=x", "take=", "take=1&take=2", "from=seg_9", "from=x.", "type=other", "type=", "status=active", "tkae=1", "take=%zz", "a;b"} {
		s.refused(400, CodeInvalidQuery, "GET", "segments?"+query, "")
	}
	for _, path := range []string{"experiments?status=running", "experiments?name=x", "feature-flags?status=paused", "feature-flags?type=x"} {
		s.refused(400, CodeInvalidQuery, "GET", path, "")
	}
	s.world()
	s.refused(400, CodeInvalidQuery, "GET", "feature-flags/{flag}/variations?take=1", "")
}

// An archived experiment can still be where a page starts.
func TestPagingFromWhatIsHidden(t *testing.T) {
	s := newSite(t, nil).world()
	second := s.must(201, "POST", "experiments", halvesOf("second")).id()
	s.status("archived")
	if got := s.must(200, "GET", "experiments?from="+s.words.Replace("{experiment}"), ""); got.field("experiments", 0, "id") != second {
		t.Errorf("got %s", got.text)
	}
}
