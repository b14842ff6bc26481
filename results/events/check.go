package events

// Check refuses records for what they say, after their form has been found good.
// An error rejects the record with its text; nil functions take all.
type Check struct {
	Exposure func(*Exposure) error
	Outcome  func(*Outcome) error
	Split    func(*Split) error
	// Named is told of each outcome that is taken and that named an exposure, with
	// the exposure's id as it came.
	Named func(o Outcome, exposureID string)
}

// named tells of the newest outcome if it named an exposure.
func (c *Check) named(outcomes []Outcome, exposureID string) {
	if c.Named != nil && exposureID != "" {
		c.Named(outcomes[len(outcomes)-1], exposureID)
	}
}

// last takes the newest record of a list out again if the check refuses it.
func last[T any](list *[]T, check func(*T) error) error {
	if check == nil || len(*list) == 0 {
		return nil
	}
	end := len(*list) - 1
	err := check(&(*list)[end])
	if err != nil {
		*list = (*list)[:end]
	}
	return err
}
