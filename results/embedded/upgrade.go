package embedded

import (
	"context"
	"strconv"
)

// upgrade makes a log of format 1 one of format 2, in a moment however large it
// is.
//
// Format 1 had copies of the outcomes under an alias under each of its units too,
// marked by their origin, and for finding them the users of each foreign id. The
// outcomes under the alias and the links have always been there as well, and were
// pruned by their own times: what copies there are never matters. They are passed
// over by queries and exports, and deleted by the next Prune. A program that only
// knows format 1 would miss the copies, and refuses format 2.
func (l *Log) upgrade() error {
	b := l.db.NewBatch()
	if err := b.DeleteRange([]byte{namedKind}, []byte{namedKind + 1}, nil); err != nil {
		return err
	}
	if err := b.Set([]byte{formatKind}, []byte(strconv.Itoa(format)), nil); err != nil {
		return err
	}
	return l.commit(context.Background(), b)
}
