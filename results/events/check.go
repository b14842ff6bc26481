package events

// Check refuses records for what they say, after their form has been found good.
// An error rejects the record with its text; nil functions take all.
type Check struct {
	Exposure func(*Exposure) error
	Outcome  func(*Outcome) error
	Split    func(*Split) error
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
