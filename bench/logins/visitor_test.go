package logins

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"

// callback is where clients are sent back to. Nobody opens it.
const callback = "https://client.example/callback"

// visitor is a person with a browser: it keeps cookies, follows redirects and
// fills in forms.
type visitor struct {
	client http.Client
	port   int      // of the site, which is different in each test
	hops   []string // what was asked and answered, without what is random
}

// newVisitor gives somebody who has never been here.
func newVisitor(port int, transport http.RoundTripper) *visitor {
	jar, _ := cookiejar.New(nil) // never fails
	return &visitor{port: port, client: http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func anyCertificate() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// What is typed into forms; dex knows the user, oidc-provider takes anyone.
var typed = map[string]string{"login": "person@example.com", "password": "password"}

// maxHops is more than any login has.
const maxHops = 20

// travel goes from a request to where the site finally leads: back to the
// client, or to a page that asks nothing.
func (v *visitor) travel(ctx context.Context, request *http.Request) (*url.URL, error) {
	for range maxHops {
		request.Header.Set("User-Agent", phone)
		response, err := v.client.Do(request.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("asking for %s: %w", request.URL.Path, err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", request.URL.Path, err)
		}
		v.hops = append(v.hops, v.hop(request, response, body))
		if response.StatusCode >= http.StatusInternalServerError {
			return nil, fmt.Errorf("%s %s is answered %s: %.300s", request.Method, request.URL.Path, response.Status, body)
		}
		if location, err := response.Location(); err == nil {
			if strings.HasPrefix(location.String(), "https://client.example/") {
				return location, nil
			}
			if request, err = http.NewRequest(http.MethodGet, location.String(), nil); err != nil {
				return nil, err
			}
			continue
		}
		next, err := fillIn(request.URL, string(body))
		if err != nil {
			return nil, err
		}
		if next == nil {
			return request.URL, nil
		}
		request = next
	}
	return nil, errors.New("the site leads nowhere")
}

// fillIn gives the request that sends a page's form; nil if there is no form.
func fillIn(page *url.URL, body string) (*http.Request, error) {
	document, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("reading a page: %w", err)
	}
	var form *html.Node
	values := url.Values{}
	for node := range document.Descendants() {
		switch {
		case node.Type != html.ElementNode:
		case node.Data == "form" && form == nil && strings.EqualFold(attribute(node, "method"), "post"):
			form = node
		case (node.Data == "input" || node.Data == "button") && attribute(node, "name") != "" && form != nil:
			name, value := attribute(node, "name"), attribute(node, "value")
			if attribute(node, "type") == "checkbox" {
				value = "on"
			}
			if text, ok := typed[name]; ok {
				value = text
			}
			values.Set(name, value)
		}
	}
	if form == nil {
		return nil, nil
	}
	action, err := page.Parse(attribute(form, "action"))
	if err != nil {
		return nil, fmt.Errorf("reading a form: %w", err)
	}
	return posted(action.String(), values)
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func posted(address string, values url.Values) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// hop writes down an exchange but for what is ours and what is random.
func (v *visitor) hop(request *http.Request, response *http.Response, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s → %d\n", request.Method, constant(request.URL.String(), v.port), response.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		switch values := response.Header[name]; name {
		case "Date", "Content-Length", "Etag":
		case "Set-Cookie":
			for _, value := range values {
				if !strings.HasPrefix(value, "experiment_") {
					fmt.Fprintf(&b, "  %s: %s\n", name, constant(expiry.ReplaceAllString(value, "$1…"), v.port))
				}
			}
		default:
			fmt.Fprintf(&b, "  %s: %s\n", name, constant(fmt.Sprintf("%q", values), v.port))
		}
	}
	fmt.Fprintf(&b, "  %s\n", constant(string(body), v.port))
	return b.String()
}

var (
	expiry = regexp.MustCompile(`(?i)(expires=)[^;]*`)
	random = regexp.MustCompile(`[A-Za-z0-9_-]{16,}(%3D|=)*`)
)

// constant leaves out of a text what differs from login to login.
func constant(text string, port int) string {
	return random.ReplaceAllString(strings.ReplaceAll(text, strconv.Itoa(port), "PORT"), "…")
}

// merged gives the parameters with one more.
func merged(parameters url.Values, name, value string) url.Values {
	more := maps.Clone(parameters)
	if more == nil {
		more = url.Values{}
	}
	more[name] = []string{value}
	return more
}

// names gives the sorted names of claims.
func names(claims map[string]any) []string { return slices.Sorted(maps.Keys(claims)) }
