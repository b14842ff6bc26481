package events

// maxFaults bounds how many faults are told in full.
const maxFaults = 20

// Report says what became of the records that were read.
type Report struct {
	Accepted int `json:"accepted"`
	Rejected int `json:"rejected"`
	// Skipped counts rows of a log stream that are no events of ours.
	Skipped int `json:"skipped,omitempty"`
	// Faults are the first of those that were rejected.
	Faults []Fault `json:"faults,omitempty"`
}

// Fault is why one record was rejected.
type Fault struct {
	// Line is where the record begins, from 1.
	Line int `json:"line"`
	// Index is the record's place among all that were read, from 0; in an array
	// that of the element.
	Index int `json:"index"`
	// ID is the record's, if it has one.
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
}

func (r *Report) reject(fault Fault) {
	r.Rejected++
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, fault)
	}
}
