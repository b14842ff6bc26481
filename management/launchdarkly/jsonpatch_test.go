package launchdarkly

import (
	"encoding/json"
	"strings"
	"testing"
)

// follow follows a patch, both as JSON.
func follow(document, patch string) (string, error) {
	list := entry{new(*Error), "patch", decoded(patch)}
	var operations []jsonOperation
	for _, item := range list.items(maxOperations) {
		operations = append(operations, readJSONOperation(item.object()))
	}
	if *list.fault != nil {
		return "", *list.fault
	}
	out, err := applyJSONPatch(decoded(document), operations)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(out)
	return string(text), err
}

func decoded(text string) any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var out any
	if decoder.Decode(&out) != nil {
		return nil
	}
	return out
}

// The cases of RFC 6902's appendix, and some more.
func TestJSONPatch(t *testing.T) {
	for _, c := range []struct{ document, patch, want string }{
		{`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux"}]`, `{"baz":"qux","foo":"bar"}`},
		{`{"foo":["bar","baz"]}`, `[{"op":"add","path":"/foo/1","value":"qux"}]`, `{"foo":["bar","qux","baz"]}`},
		{`{"foo":["bar"]}`, `[{"op":"add","path":"/foo/1","value":"qux"}]`, `{"foo":["bar","qux"]}`},
		{`{"baz":"qux","foo":"bar"}`, `[{"op":"remove","path":"/baz"}]`, `{"foo":"bar"}`},
		{`{"foo":["bar","qux","baz"]}`, `[{"op":"remove","path":"/foo/1"}]`, `{"foo":["bar","baz"]}`},
		{`{"baz":"qux","foo":"bar"}`, `[{"op":"replace","path":"/baz","value":"boo"}]`, `{"baz":"boo","foo":"bar"}`},
		{`{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}`, `[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]`, `{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}`},
		{`{"foo":["all","grass","cows","eat"]}`, `[{"op":"move","from":"/foo/1","path":"/foo/3"}]`, `{"foo":["all","cows","eat","grass"]}`},
		{`{"baz":"qux","foo":["a",2,"c"]}`, `[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]`, `{"baz":"qux","foo":["a",2,"c"]}`},
		{`{"foo":"bar"}`, `[{"op":"add","path":"/child","value":{"grandchild":{}}}]`, `{"child":{"grandchild":{}},"foo":"bar"}`},
		{`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux","xyz":123}]`, `{"baz":"qux","foo":"bar"}`},
		{`{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":10},{"op":"test","path":"/~1","value":9}]`, `{"/":9,"~1":10}`},
		{`{"foo":["bar"]}`, `[{"op":"add","path":"/foo/-","value":["abc","def"]}]`, `{"foo":["bar",["abc","def"]]}`},
		{`{"foo":null}`, `[{"op":"test","path":"/foo","value":null},{"op":"replace","path":"/foo","value":1}]`, `{"foo":1}`},
		{`{"foo":[1]}`, `[{"op":"copy","from":"/foo","path":"/bar"},{"op":"add","path":"/bar/-","value":2}]`, `{"bar":[1,2],"foo":[1]}`},
		{`{"":1}`, `[{"op":"replace","path":"/","value":2}]`, `{"":2}`},
		{`{"a":1}`, `[{"op":"replace","path":"","value":{"b":[]}},{"op":"add","path":"/b/0","value":1}]`, `{"b":[1]}`},
		{`{"a":[[1,2],3]}`, `[{"op":"remove","path":"/a/0/1"},{"op":"replace","path":"/a/0/0","value":{}}]`, `{"a":[[{}],3]}`},
		{`{"a":1}`, `[{"op":"move","from":"/a","path":"/a"}]`, `{"a":1}`},
		{`{"a":1}`, `[]`, `{"a":1}`},
	} {
		if got, err := follow(c.document, c.patch); err != nil || got != c.want {
			t.Errorf("%s on %s: got %s, %v, want %s", c.patch, c.document, got, err, c.want)
		}
	}
}

func TestJSONPatchRefused(t *testing.T) {
	double := `{"op":"copy","from":"/a","path":"/a/-"},`
	for _, c := range []struct{ document, patch, words string }{
		{`{"baz":"qux"}`, `[{"op":"test","path":"/baz","value":"bar"}]`, "patch[0].path: is another value"},
		{`{"foo":"bar"}`, `[{"op":"add","path":"/baz/bat","value":"qux"}]`, "patch[0].path: there is nothing at this path"},
		{`{"/":9,"~1":10}`, `[{"op":"test","path":"/~01","value":"10"}]`, "is another value"},
		{`{"a":1}`, `[{"op":"replace","path":"/b","value":1}]`, "there is nothing"},
		{`{"a":1}`, `[{"op":"remove","path":"/b"}]`, "there is nothing"},
		{`{"a":1}`, `[{"op":"remove","path":""}]`, "cannot be removed"},
		{`{"a":1}`, `[{"op":"test","path":"/b","value":null}]`, "there is nothing"},
		{`{"a":1}`, `[{"op":"add","path":"/a/b","value":null}]`, "there is nothing"},
		{`{"a":[1]}`, `[{"op":"add","path":"/a/2","value":null}]`, "there is nothing"},
		{`{"a":[1]}`, `[{"op":"replace","path":"/a/-","value":null}]`, "must be the place"},
		{`{"a":[1]}`, `[{"op":"remove","path":"/a/-"}]`, "must be the place"},
		{`{"a":[1]}`, `[{"op":"remove","path":"/a/1"}]`, "there is nothing"},
		{`{"a":[1,2]}`, `[{"op":"remove","path":"/a/01"}]`, "must be the place"},
		{`{"a":[1,2]}`, `[{"op":"remove","path":"/a/-1"}]`, "must be the place"},
		{`{"a":[1,2]}`, `[{"op":"remove","path":"/a/+1"}]`, "must be the place"},
		{`{"a":[1,2]}`, `[{"op":"remove","path":"/a/1e0"}]`, "must be the place"},
		{`{"a":{"b":1}}`, `[{"op":"move","from":"/a","path":"/a/c"}]`, "cannot move a value into itself"},
		{`{"a":{"b":1}}`, `[{"op":"move","from":"","path":"/a/c"}]`, "cannot move a value into itself"},
		{`{"a":1}`, `[{"op":"copy","from":"/b","path":"/c"}]`, "cannot copy from there"},
		{`{"a":1}`, `[{"op":"move","path":"/c"}]`, "patch[0].from: is missing"},
		{`{"a":1}`, `[{"op":"add","path":"/c"}]`, "patch[0].value: is missing"},
		{`{"a":1}`, `[{"op":"add","path":"c","value":1}]`, "must be empty or begin with a slash"},
		{`{"a":1}`, `[{"op":"add","path":"/~2","value":1}]`, "must have 0 or 1 after every ~"},
		{`{"a":1}`, `[{"op":"add","path":"/c~","value":1}]`, "must have 0 or 1 after every ~"},
		{`{"a":1}`, `[{"op":"add","path":7,"value":1}]`, "path: must be a string"},
		{`{"a":1}`, `[{"op":"merge","path":"/a","value":1}]`, "op: must be one of add, remove, replace, move, copy, test"},
		{`{"a":1}`, `[{"path":"/a","value":1}]`, "op: is missing"},
		{`{"a":1}`, `["x"]`, "patch[0]: must be an object"},
		{`{"a":1}`, `[{"op":"remove","path":"` + strings.Repeat("/a", maxSteps+1) + `"}]`, "must have at most 20 steps"},
		{`{"a":1}`, `[` + strings.TrimSuffix(strings.Repeat(`{"op":"test","path":"/a","value":1},`, maxOperations+1), ",") + `]`, "must have at most 100 entries"},
		{`{"a":[1,2,3]}`, `[` + strings.TrimSuffix(strings.Repeat(double, 60), ",") + `]`, "makes more than 10000 values"},
	} {
		if got, err := follow(c.document, c.patch); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s on %s: got %s, %v, want %q", c.patch, c.document, got, err, c.words)
		}
	}
}

// Whatever a patch is, it is followed or refused, and what it leaves is JSON of a
// size that is bounded.
func FuzzJSONPatch(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`, `[{"op":"copy","from":"/a","path":"/a/-"},{"op":"test","path":"/a/1/b","value":null}]`)
	f.Add(`{"a":1e400}`, `[{"op":"test","path":"/a","value":1e400},{"op":"move","from":"/a","path":"/~0~1"}]`)
	f.Add(`[]`, `[{"op":"add","path":"/0","value":[]},{"op":"remove","path":"/0"}]`)
	f.Fuzz(func(t *testing.T, document, patch string) {
		if len(document) > 4096 || len(patch) > 4096 {
			return
		}
		got, err := follow(document, patch)
		if err == nil && got != "" && !json.Valid([]byte(got)) {
			t.Errorf("left %q", got)
		}
	})
}
