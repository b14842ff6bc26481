package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
)

const hostileText = "x\u001b]0;pwned\u0007\u001b[31mred\u001b[2J\u202e\u009b\u2066\u007f\r\nforged: line"

// filled sets every text of an answer, with one entry in each list.
func filled(v reflect.Value, depth int) {
	if depth == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), depth-1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				filled(v.Field(i), depth-1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0), depth-1)
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(hostileText)
		}
	}
}

// No command prints what a name, an error or a client can do to a terminal.
func TestCommandsPrintNothingHostile(t *testing.T) {
	var s status
	var a decideAnswer
	var d management.Diagnosis
	var i importAnswer
	for _, answer := range []any{&s, &a, &d, &i} {
		filled(reflect.ValueOf(answer).Elem(), 8)
	}
	d.Checks = nil
	for _, question := range management.Questions {
		d.Checks = append(d.Checks, management.Check{Question: question, ID: "id", Result: management.ResultProblem, Finding: hostileText, Remedy: hostileText})
	}
	for name, print := range map[string]func(w io.Writer) error{
		"status":  s.print,
		"decide":  a.print,
		"doctor":  func(w io.Writer) error { return printDiagnosis(w, d) },
		"import":  i.print,
		"results": func(w io.Writer) error { _, err := terminal{w}.Write([]byte(hostileText)); return err },
		"validate": func(w io.Writer) error {
			if validateDocument(w, fmt.Appendf(nil, `{"segments":[{"id":%q,"name":"n","rules":[],"a\u202e\u001b":1}]}`, "seg_0"), 1) == nil {
				return errors.New("it is valid")
			}
			return nil
		},
		"validate, what cannot be read": func(w io.Writer) error {
			if validateDocument(w, []byte("{\"a\": \u202e\x1b[2J}"), 1) == nil {
				return errors.New("it is valid")
			}
			return nil
		},
		"error": func(w io.Writer) error {
			_, err := fmt.Fprint(w, printableError(plain(errors.New(`HTTP 400: {"error":"no \u001b[2J\u202e\u009b such"}`))))
			return err
		},
		"error that is no JSON": func(w io.Writer) error {
			_, err := fmt.Fprint(w, printableError(plain(errors.New("HTTP 400: "+hostileText))))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := print(&b); err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer("\n", "", "\t", "").Replace(b.String())
			if text == "" || strings.ContainsFunc(text, engine.Unprintable) {
				t.Errorf("it prints %q", b.String())
			}
		})
	}
}

func TestPrintableErrorKeepsErrors(t *testing.T) {
	if err := printableError(fmt.Errorf("reading: %w", io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}
