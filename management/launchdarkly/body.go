package launchdarkly

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// maxBody is the largest body of a request in bytes.
const maxBody = 1 << 20

// body reads what a request brings along: any JSON.
func (q *request) body() (any, error) {
	if err := q.checkType(); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(http.MaxBytesReader(q.writer, q.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, Refuse(http.StatusBadRequest, "the request body is larger than %d bytes", maxBody)
	}
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "invalid request body: it ends too early")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, Refuse(http.StatusBadRequest, "invalid request body: it is no JSON: %s", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, Refuse(http.StatusBadRequest, "invalid request body: something follows the JSON")
	}
	return value, nil
}

// checkType looks at all lines of the content type: there may be two of them,
// where a client's library has its own beside the one that was asked for. Whether
// one says that the body is a semantic patch makes no difference.
func (q *request) checkType() error {
	lines := q.Header.Values("Content-Type")
	for _, line := range lines {
		if mediaType, _, err := mime.ParseMediaType(line); err == nil && mediaType == "application/json" {
			return nil
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return invalid("Content-Type", "must be application/json")
}

// object reads a body that is an object.
func (q *request) object() (object, error) {
	value, err := q.body()
	if err != nil {
		return object{}, err
	}
	members, ok := value.(map[string]any)
	if !ok {
		return object{}, Refuse(http.StatusBadRequest, "invalid request body: it must be an object")
	}
	return newObject(new(*Error), "", members), nil
}
