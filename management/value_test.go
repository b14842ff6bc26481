package management

import (
	"encoding/json"
	"testing"
)

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`100`, `1e2`, true}, {`0.5`, `5E-1`, true}, {`0`, `-0.0e9`, true}, {`-1`, `1`, false},
		{`9007199254740993`, `9007199254740992`, false}, {`1e999999999999999999999`, `1e999999999999999999999`, true}, {`10`, `1`, false},
		{`"a"`, `"\u0061"`, true}, {`"1"`, `1`, false}, {`null`, `null`, true}, {`null`, `false`, false}, {`true`, `true`, true},
		{`[1,{"a":2,"b":[]}]`, ` [ 1.0 , {"b":[],"a":2e0} ] `, true}, {`[1,2]`, `[2,1]`, false}, {`[1]`, `[1,1]`, false},
		{`{"a":1}`, `{"a":1,"b":1}`, false}, {`{"a":null}`, `{"b":null}`, false}, {`{}`, `[]`, false},
	} {
		if got := same(json.RawMessage(c.a), json.RawMessage(c.b)); got != c.want {
			t.Errorf("%s and %s: got %v", c.a, c.b, got)
		}
	}
}
