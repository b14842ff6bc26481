package logins

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// chromium is a browser without windows. It is told what to do over the
// DevTools protocol, on a pipe that it reads commands from and one that it
// writes answers to; each message ends with a zero byte.
type chromium struct {
	t       testing.TB
	input   *os.File
	output  *bufio.Reader
	last    int    // id of the newest command
	session string // with the page
}

func startChromium(t testing.TB) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is missing; ./test.sh installs it")
	}
	theirInput, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output, theirOutput, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--ignore-certificate-errors",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--remote-debugging-pipe", "about:blank")
	command.ExtraFiles = []*os.File{theirInput, theirOutput} // its descriptors 3 and 4
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	theirInput.Close()
	theirOutput.Close()
	c := &chromium{t: t, input: input, output: bufio.NewReader(output)}
	t.Cleanup(func() {
		_, _ = c.call("Browser.close", nil)
		_ = command.Wait() // it was told to go
		input.Close()
		output.Close()
	})
	var target struct{ TargetID string }
	c.must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	return c
}

// call gives a command and waits for its answer; what else is said is events.
func (c *chromium) call(method string, parameters any) (json.RawMessage, error) {
	c.last++
	command := map[string]any{"id": c.last, "method": method}
	if parameters != nil {
		command["params"] = parameters
	}
	if c.session != "" {
		command["sessionId"] = c.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	if _, err := c.input.Write(append(text, 0)); err != nil {
		return nil, fmt.Errorf("telling chromium: %w", err)
	}
	for {
		text, err := c.output.ReadBytes(0)
		if err != nil {
			return nil, fmt.Errorf("listening to chromium: %w", err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  struct{ Message string }
		}
		if err := json.Unmarshal(text[:len(text)-1], &answer); err != nil {
			return nil, fmt.Errorf("reading what chromium says: %w", err)
		}
		if answer.ID != c.last {
			continue
		}
		if answer.Error.Message != "" {
			return nil, errors.New(answer.Error.Message)
		}
		return answer.Result, nil
	}
}

func (c *chromium) must(method string, parameters, result any) {
	c.t.Helper()
	answer, err := c.call(method, parameters)
	if err == nil {
		err = json.Unmarshal(answer, result)
	}
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// open goes to a page.
func (c *chromium) open(url string) {
	c.t.Helper()
	var navigated struct{ ErrorText string }
	c.must("Page.navigate", map[string]any{"url": url}, &navigated)
	if navigated.ErrorText != "" {
		c.t.Fatalf("opening %s: %s", url, navigated.ErrorText)
	}
}

// await evaluates an expression again and again until it is truthy, over all
// pages that come and go meanwhile, and gives its value.
func (c *chromium) await(expression string, value any) {
	c.t.Helper()
	var said string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err := c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
		if err != nil {
			said = err.Error() // the page has just gone
			continue
		}
		said = string(answer)
		var evaluated struct {
			Result           struct{ Value json.RawMessage }
			ExceptionDetails json.RawMessage
		}
		if err := json.Unmarshal(answer, &evaluated); err != nil {
			c.t.Fatal(err)
		}
		switch string(evaluated.Result.Value) {
		case "", "null", "false", `""`:
			continue
		}
		if evaluated.ExceptionDetails == nil {
			if err := json.Unmarshal(evaluated.Result.Value, value); err != nil {
				c.t.Fatal(err)
			}
			return
		}
	}
	c.t.Fatalf("waiting for %s: %s\nat %s\n%.2000s", expression, said, c.evaluated("location.href"), c.evaluated("document.documentElement.outerHTML"))
}

// evaluated gives an expression's value as text.
func (c *chromium) evaluated(expression string) string {
	answer, err := c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	if err != nil {
		return err.Error()
	}
	return string(answer)
}
