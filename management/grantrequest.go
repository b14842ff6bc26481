package management

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// grantRequest is a request for an access token. What it leaves out is empty.
type grantRequest struct {
	grantType, audience, scope string
	// shown is what the client may have shown: two where its header can be read in
	// two ways, none if it has shown no secret.
	shown []credentials
}

// credentials are a client's id and secret.
type credentials struct{ id, secret string }

// What is read of a request for a token.
const (
	maxGrantBody   = 16 << 10
	maxGrantFields = 100
)

// readGrant reads a request for a token: a form or JSON, with the client's id and
// secret in it or in the header.
func readGrant(w http.ResponseWriter, r *http.Request) (grantRequest, *grantRefusal) {
	headers := r.Header.Values("Content-Type")
	mediaType := ""
	if len(headers) == 1 {
		mediaType, _, _ = mime.ParseMediaType(headers[0])
	}
	if mediaType != formType && mediaType != "application/json" {
		return grantRequest{}, refuseGrant(grantInvalidRequest, "The Content-Type must be application/x-www-form-urlencoded or application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGrantBody))
	if err != nil {
		return grantRequest{}, refuseGrant(grantInvalidRequest, "The body ends too early or has more than 16384 bytes.")
	}
	read := grantForm
	if mediaType == "application/json" {
		read = grantJSON
	}
	fields, refused := read(body)
	if refused != nil {
		return grantRequest{}, refused
	}
	request := grantRequest{grantType: fields["grant_type"], audience: fields["audience"], scope: fields["scope"]}
	request.shown, refused = shownCredentials(r, credentials{fields["client_id"], fields["client_secret"]})
	return request, refused
}

// shownCredentials returns what a client has shown in the header or, where there
// is none, in the body.
func shownCredentials(r *http.Request, body credentials) ([]credentials, *grantRefusal) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		if body.secret == "" {
			return nil, nil
		}
		return []credentials{body}, nil
	}
	id, secret, basic := r.BasicAuth()
	if len(headers) > 1 || !basic {
		return nil, refuseGrant(grantInvalidClient, "The Authorization header must be one, and Basic.")
	}
	if body.secret != "" {
		return nil, refuseGrant(grantInvalidRequest, "The client shows its secret twice: in the Authorization header and in the body.")
	}
	// RFC 6749, 2.3.1, has both encoded as in a form, which not every client does.
	shown := []credentials{{id, secret}}
	decodedID, idErr := url.QueryUnescape(id)
	decodedSecret, secretErr := url.QueryUnescape(secret)
	if decoded := (credentials{decodedID, decodedSecret}); idErr == nil && secretErr == nil && decoded != shown[0] {
		shown = append(shown, decoded)
	}
	if body.id != "" && !slices.ContainsFunc(shown, func(c credentials) bool { return c.id == body.id }) {
		return nil, refuseGrant(grantInvalidRequest, "The body has another client_id than the Authorization header.")
	}
	return shown, nil
}

// grantFields are the fields of a request that count; others are ignored.
var grantFields = map[string]bool{"grant_type": true, "client_id": true, "client_secret": true, "audience": true, "scope": true}

func grantForm(body []byte) (map[string]string, *grantRefusal) {
	text := string(body)
	if strings.Count(text, "&") >= maxGrantFields {
		return nil, refuseGrant(grantInvalidRequest, "The form has more than 100 fields.")
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, refuseGrant(grantInvalidRequest, "The form cannot be decoded.")
	}
	fields := map[string]string{}
	for name := range grantFields {
		if len(values[name]) > 1 {
			return nil, refuseGrant(grantInvalidRequest, "The field "+name+" is there twice.")
		}
		fields[name] = values.Get(name)
	}
	return fields, nil
}

func grantJSON(body []byte) (map[string]string, *grantRefusal) {
	invalid := refuseGrant(grantInvalidRequest, "The body must be a JSON object.")
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, invalid
	}
	fields := map[string]string{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, invalid
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, invalid
		}
		field, _ := name.(string)
		if !grantFields[field] {
			continue
		}
		if _, twice := fields[field]; twice {
			return nil, refuseGrant(grantInvalidRequest, "The field "+field+" is there twice.")
		}
		var text string // null leaves it empty
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, refuseGrant(grantInvalidRequest, "The field "+field+" must be a string.")
		}
		fields[field] = text
	}
	if _, err := decoder.Token(); err != nil {
		return nil, invalid
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, invalid
	}
	return fields, nil
}
