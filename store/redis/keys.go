package redis

import "github.com/caddy-experiments/caddy-experiments/store"

// keys names the keys of one prefix. Their common hash tag puts all of them on
// one node of a cluster, where a script can change them together.
type keys struct {
	// state changes with every write of any tenant: a number that nobody has
	// used before. It is what is polled.
	state string
	// heads is a hash of tenants to the revisions that were committed last.
	heads string
	// changes is a stream of writes: tenant, revision and id of each.
	changes string
	// documents is what the keys of documents begin with.
	documents string
}

func newKeys(prefix string) keys {
	tag := "{" + prefix + "}:"
	return keys{state: tag + "state", heads: tag + "heads", changes: tag + "changes", documents: tag + "document:"}
}

func (k keys) document(tenant store.Tenant) string { return k.documents + string(tenant) }

// written are the keys of a script that writes a tenant's document.
func (k keys) written(tenant store.Tenant) []string {
	return []string{k.heads, k.document(tenant), k.state, k.changes}
}
