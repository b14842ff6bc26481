package management

import "testing"

func TestETags(t *testing.T) {
	s := newSite(t, nil).world()
	for _, c := range []struct{ name, path, change string }{
		{"flag", "feature-flags/{flag}", `{"description":"changed"}`},
		{"variation", "feature-flags/{flag}/variations/{treatment}", `{"description":"changed"}`},
		{"segment", "segments/{segment}", `{"description":"changed"}`},
		{"experiment", "experiments/{experiment}", `{"description":"changed"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := s.must(200, "GET", c.path, "").header.Get("ETag")
			if len(first) != 24 || s.must(200, "GET", c.path, "").header.Get("ETag") != first {
				t.Fatalf("the ETag is %q", first)
			}
			conditional := func(method, condition, body string) reply {
				r := s.request(method, c.path, body)
				r.Header.Set("If-Match", condition)
				return s.send(r)
			}
			for _, condition := range []string{`"other"`, `W/` + first, ``, `"a", "b"`} {
				for method, body := range map[string]string{"PATCH": c.change, "DELETE": ""} {
					if got := conditional(method, condition, body); got.status != 412 || got.code() != CodePreconditionFailed {
						t.Errorf("%s with If-Match %s: got %d %s", method, condition, got.status, got.text)
					}
				}
			}
			second := conditional("PATCH", `"other", `+first, c.change)
			if second.status != 200 || second.header.Get("ETag") == first {
				t.Errorf("got %d %s with %s", second.status, second.text, second.header.Get("ETag"))
			}
			if got := conditional("PATCH", first, c.change); got.status != 412 {
				t.Errorf("with the old ETag: got %d", got.status)
			}
			if got := conditional("PATCH", "*", c.change); got.status != 200 {
				t.Errorf("with *: got %d", got.status)
			}
		})
	}
	experiment := s.must(200, "GET", "experiments/{experiment}", "").header.Get("ETag")
	r := s.request("POST", "experiments/{experiment}/status", `{"status":"active"}`)
	r.Header.Set("If-Match", `"other"`)
	if got := s.send(r); got.status != 412 {
		t.Errorf("status with another ETag: got %d", got.status)
	}
	r = s.request("POST", "experiments/{experiment}/status", `{"status":"active"}`)
	r.Header.Set("If-Match", experiment)
	if got := s.send(r); got.status != 200 {
		t.Errorf("status with the ETag: got %d %s", got.status, got.text)
	}
	r = s.request("DELETE", "segments/seg_1", "")
	r.Header.Set("If-Match", `"other"`)
	if got := s.send(r); got.status != 204 {
		t.Errorf("deleting what is gone: got %d", got.status)
	}
}
