package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// volume is a small disk of a trial's own, where an edge keeps all that it
// writes.
type volume struct {
	scene  *scene
	dir    string
	image  string // of an ext4 file system; empty in memory
	frozen bool
}

// mount runs mount or a program like it. Without the right to do so the trial is
// skipped.
func (s *scene) mount(name string, arguments ...string) {
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		s.Skipf("%s %v: %v: %s", name, arguments, err, out)
	}
}

// newVolume mounts a small disk in memory.
func (s *scene) newVolume(options string) *volume {
	v := &volume{scene: s, dir: s.TempDir()}
	s.mount("mount", "-t", "tmpfs", "-o", options, "tmpfs", v.dir)
	s.Cleanup(v.unmount)
	return v
}

// newExt4 mounts an ext4 file system in a file, which can fail as disks do.
func (s *scene) newExt4() *volume {
	v := &volume{scene: s, dir: s.TempDir(), image: filepath.Join(s.TempDir(), "disk")}
	f, err := os.Create(v.image)
	if err == nil {
		err = f.Truncate(256 << 20)
		_ = f.Close()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.mount("mkfs.ext4", "-q", v.image)
	v.mountImage()
	s.Cleanup(v.unmount)
	return v
}

func (v *volume) mountImage() { v.scene.mount("mount", "-o", "loop", v.image, v.dir) }

// unmount takes the disk away, also from under open files.
func (v *volume) unmount() { _ = syscall.Unmount(v.dir, syscall.MNT_DETACH) }

// fill takes all the space that is left.
func (v *volume) fill() {
	f, err := os.OpenFile(filepath.Join(v.dir, "ballast"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return // it is full
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// fillInodes takes all the inodes that are left.
func (v *volume) fillInodes() {
	for i := 0; ; i++ {
		f, err := os.Create(filepath.Join(v.dir, fmt.Sprint("inode", i)))
		if err != nil {
			return
		}
		_ = f.Close()
	}
}

// clear removes what filled the disk.
func (v *volume) clear() {
	for _, pattern := range []string{"ballast", "inode*"} {
		found, _ := filepath.Glob(filepath.Join(v.dir, pattern)) // the pattern is good
		for _, path := range found {
			if err := os.Remove(path); err != nil {
				v.scene.Fatal(err)
			}
		}
	}
}

// empty removes the directories of the edge.
func (v *volume) empty() {
	found, err := os.ReadDir(v.dir)
	for _, entry := range found {
		if err == nil {
			err = os.RemoveAll(filepath.Join(v.dir, entry.Name()))
		}
	}
	if err != nil {
		v.scene.Fatal(err)
	}
}

// failReadOnly has the file system fail as with a broken disk: it takes no more
// changes.
func (v *volume) failReadOnly() { v.scene.mount("mount", "-o", "remount,abort", v.dir) }

// repair checks the file system and mounts it again.
func (v *volume) repair() {
	v.unmount()
	_ = exec.Command("e2fsck", "-fy", v.image).Run() // its status says that it has repaired something
	v.mountImage()
}
