// Package file is the embedded store: one JSON file per tenant that people may
// edit by hand. It watches the files itself and writes them atomically.
package file
