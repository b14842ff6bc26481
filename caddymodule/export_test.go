package caddymodule

import "context"

// PoolReferences gives how many configurations hold each value that outlives a
// reload.
func PoolReferences() map[string]int {
	references := map[string]int{}
	pool.Range(func(key, _ any) bool {
		references[key.(string)] = 0
		return true
	})
	for key := range references {
		references[key], _ = pool.References(key)
	}
	return references
}

// CheckSplits looks at the splits of the edge now.
func CheckSplits(ctx context.Context) {
	app := activeApp()
	app.events.checkSplits(ctx, app)
}
