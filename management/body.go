package management

import (
	"errors"
	"io"
	"mime"
	"net/http"
)

// maxBody is the largest body of a request in bytes.
const maxBody = 1 << 20

// body reads what a request brings along, as JSON in whatever form it came.
func (c *call) body() ([]byte, *refusal) {
	headers := c.request.Header.Values("Content-Type")
	if len(headers) != 1 {
		return nil, failed(CodeInvalidContentType, "")
	}
	mediaType, _, err := mime.ParseMediaType(headers[0])
	if err != nil || mediaType != "application/json" && mediaType != formType {
		return nil, failed(CodeInvalidContentType, "")
	}
	text, err := io.ReadAll(http.MaxBytesReader(c.writer, c.request.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, failed(CodeBodyTooLarge, "")
	}
	if err != nil {
		return nil, failed(CodeInvalidBody, "Invalid request body. It ends too early.")
	}
	if mediaType == formType {
		return formJSON(string(text))
	}
	return text, nil
}

// decoded reads a body with a decoder of package engine.
func decoded[T any](c *call, decode func([]byte) (T, error)) (T, *refusal) {
	var none T
	text, problem := c.body()
	if problem != nil {
		return none, problem
	}
	out, err := decode(text)
	if err != nil {
		return none, described(err)
	}
	return out, nil
}
