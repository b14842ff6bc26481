package postgrestest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// owner is the user that servers run as; nil where that is who runs the test.
// PostgreSQL refuses to run as root.
type owner struct{ credential *syscall.Credential }

func ownerOfServers() owner {
	if os.Getuid() != 0 {
		return owner{}
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			continue
		}
		return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return owner{}
}

// take gives files to the owner.
func (o owner) take(paths ...string) error {
	if o.credential == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Chown(path, int(o.credential.Uid), int(o.credential.Gid)); err != nil {
			return fmt.Errorf("giving %s to the server: %w", path, err)
		}
	}
	return nil
}

// run makes a program run as the owner, and has the kernel kill it when this
// process ends, which a test that times out does without cleaning up.
func (o owner) run(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential, Pdeathsig: syscall.SIGKILL}
}
