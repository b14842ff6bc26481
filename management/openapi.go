package management

import (
	_ "embed"
	"net/http"
)

// openAPI is the OpenAPI document of all operations. It is written by hand; the
// tests hold it against the routes and against all that they send and receive.
//
//go:embed openapi.json
var openAPI []byte

// getOpenAPI needs no token: what it answers is no secret, and programs that write
// clients fetch it without one.
func getOpenAPI(c *call) (answer, *refusal) {
	return answer{status: http.StatusOK, text: openAPI}, nil
}
