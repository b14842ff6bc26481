package main

import (
	"fmt"
	"strings"
)

// document is configuration number n. Its number is in what the provider
// receives, and its weights follow from it: an answer whose parts come from two
// configurations is wrong. With bulk it is as large as a busy tenant's.
func document(n int, bulk bool) string {
	share := n * 7 % 101
	var segments strings.Builder
	if bulk {
		for i := range 150 {
			if i > 0 {
				segments.WriteByte(',')
			}
			fmt.Fprintf(&segments, `{"id":"seg_%s","name":"segment %d","description":"%s","rules":[{"match":{"country":["US","SE"],"user_agent":{"contains":["%d"]}}}]}`,
				strings.Repeat("a", 1+i%15)+strings.Repeat("b", 1+i/15), i, strings.Repeat("what it is for ", 12), i)
		}
	}
	return fmt.Sprintf(`{"feature_flags":[{"id":"flg_Login","name":"login","status":"active",
		"parameters":{"number":{"type":"number","value":%d},"warm":{"type":"boolean","value":false}},
		"variations":[{"id":"var_Base","name":"control","overrides":{}},{"id":"var_Test","name":"treatment","overrides":{"warm":{"value":true}}}]}],
		"segments":[%s],
		"experiments":[{"id":"exp_Login","name":"login %d","feature_flag_id":"flg_Login","allocation_strategy":"percentage","status":"active",
		"allocations":[{"variation_id":"var_Base","weight":%d,"is_control":true},{"variation_id":"var_Test","weight":%d,"is_control":false}]}]}`,
		n, segments.String(), n, share, 100-share)
}
