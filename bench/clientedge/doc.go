// Package clientedge runs other people's clients from the npm registry against a
// real edge, over TLS. Its users are tests in modules of their own.
package clientedge
