// Package stored has what the programs that measure stores put into them: documents
// that an edge would take, signed as an edge signs them.
package stored
