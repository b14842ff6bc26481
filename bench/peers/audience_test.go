package peers

import (
	"fmt"
	"testing"
)

// person is whom a decision is for.
type person struct{ subject, country, device string }

// The audience: anybody in one of these countries with this kind of device.
var audienceCountries = []string{"DE", "AT", "CH", "US", "SE"}

const audienceDevice = "mobile"

// configurations by variation. The first two share the audience equally.
var configurations = map[string]string{
	"password": `{"headline":"Log in","show_passkey":false,"attempts":3}`,
	"passkey":  `{"headline":"Welcome back, no password needed","show_passkey":true,"attempts":5}`,
	"fallback": `{"headline":"Sign in","show_passkey":false,"attempts":1}`,
}

// flagKey is the name of one of the flags that are loaded. All are alike; the
// one in the middle is decided.
func flagKey(i int) string { return fmt.Sprintf("login-screen-%d", i) }

// decider decides in the way of one library.
type decider interface {
	// decide makes the context and the decision, and keeps what it gets.
	decide(p person)
	// config is what the last decision gave, in JSON.
	config() (string, error)
}

// contestants are all libraries, by the names of their benchmarks. Each loads a
// number of flags and decides the one in the middle.
var contestants = []struct {
	name string
	open func(t testing.TB, flags int) decider
}{
	{"ours", openOurs},
	{"launchdarkly", openLaunchDarkly},
	{"unleash", openUnleash},
	{"growthbook", openGrowthBook},
	{"statsig", openStatsig},
	{"goff", openGoff("")},
	{"goff-jsonlogic", openGoff("jsonlogic")},
	{"flagd", openFlagd},
}

// people are n of the audience.
func people(n int) []person {
	all := make([]person, n)
	for i := range all {
		all[i] = person{fmt.Sprintf("0f8fad5b-d9cb-469f-a165-%012d", i), audienceCountries[i%len(audienceCountries)], audienceDevice}
	}
	return all
}
