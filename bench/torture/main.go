// Command torture breaks what edges depend on while people log in, and checks
// every answer against an implementation that knows nothing of this code.
//
//	go run ./bench/torture               every fault, some minutes
//	go run ./bench/torture -short        the same with short outages
//	go run ./bench/torture -list         what there is
//	go run ./bench/torture F1 F10        only these
//
// It needs redis-server, redis-sentinel, PostgreSQL and python3, and starts
// processes of its own only. The table says for each fault what was demanded and
// what happened; the exit status is 1 if anything was not met.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// fault is one row of the table.
type fault struct {
	id, name, target string
	run              func(*scene)
}

var faults = slices.Concat(outages, topologies, losses, writings, disks, reloads, sickDisks, deliveries, exports, clocks, frozenDisks)

func main() {
	list := flag.Bool("list", false, "list the faults")
	short := flag.Bool("short", false, "outages of seconds instead of a minute, and twice the time to recover")
	outage := flag.Duration("outage", time.Minute, "how long what is taken away stays away; -short makes it 3s")
	rate := flag.Int("rate", 1000, "logins a second")
	soak := flag.Duration("soak", time.Hour, "how long S1 takes, which is only run when it is named")
	markdown := flag.Bool("markdown", false, "print the table in Markdown")
	flag.Parse()
	testing.Init() // package redistest asks whether tests are to be short
	if *list {
		for _, f := range slices.Concat(faults, soaks) {
			fmt.Printf("%-4s %s: %s\n", f.id, f.name, f.target)
		}
		return
	}
	lab, err := newLab(*rate, *outage, *short)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
	defer lab.close()
	lab.soak = *soak
	var results []result
	chosen := faults
	if flag.NArg() > 0 {
		chosen = slices.DeleteFunc(slices.Concat(faults, soaks), func(f fault) bool { return !slices.Contains(flag.Args(), f.id) })
	}
	for _, f := range chosen {
		fmt.Fprintf(os.Stderr, "%s %s …", f.id, f.name)
		begin := time.Now()
		r := lab.run(f)
		fmt.Fprintf(os.Stderr, " %s (%s)\n", r.verdict(), time.Since(begin).Round(time.Second))
		results = append(results, r)
	}
	print(os.Stdout, results, *markdown)
	if slices.ContainsFunc(results, func(r result) bool { return len(r.faults) > 0 }) {
		lab.close()
		os.Exit(1)
	}
}
