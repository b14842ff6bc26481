package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
)

// complete refuses a directory that has lost the file by which its others are
// found: Pebble would begin anew.
func complete(dir string) error {
	for _, sign := range []string{"marker.manifest.*", "CURRENT"} {
		if found, err := filepath.Glob(filepath.Join(escaped(dir), sign)); err != nil || len(found) > 0 {
			return errors.Join(err, manifests(dir))
		}
	}
	for _, rest := range []string{"*.sst", "*.log"} {
		found, err := filepath.Glob(filepath.Join(escaped(dir), rest))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fmt.Errorf("it is damaged: there is %s, but no marker.manifest file", filepath.Base(found[0]))
		}
	}
	return nil
}

// escaped is a name for filepath.Glob.
func escaped(name string) string {
	var out []rune
	for _, c := range name {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(out)
}

// manifests checks the files that list the others. Pebble reads one up to the
// first record that is not whole, as a crash may have left it, and then deletes
// the tables that it does not know of.
func manifests(dir string) error {
	found, err := filepath.Glob(filepath.Join(escaped(dir), "MANIFEST-*"))
	if err != nil {
		return err
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !plausible(text) {
			return fmt.Errorf("it is damaged: %s is not as it was written", filepath.Base(path))
		}
	}
	return nil
}

// A record is in chunks, which do not cross the bounds of blocks: checksum,
// length, kind, and depending on the kind the number of the log.
const (
	blockSize    = 32 << 10
	chunkHeader  = 7
	kindsPerSize = 4
)

var chunkHeaders = [...]int{chunkHeader, chunkHeader + 4, chunkHeader + 12}

// plausible reports whether records end where a crash may have ended them, if
// not at the end: with a part of a chunk, or zeros.
func plausible(text []byte) bool {
	for block := range slices.Chunk(text, blockSize) {
		last := len(block) < blockSize
		for len(block) >= chunkHeader {
			sum, length, kind := binary.LittleEndian.Uint32(block), int(binary.LittleEndian.Uint16(block[4:])), int(block[6])
			if sum == 0 && length == 0 && kind == 0 {
				break
			}
			if kind == 0 || kind > kindsPerSize*len(chunkHeaders) {
				return false
			}
			end := chunkHeaders[(kind-1)/kindsPerSize] + length
			if end > len(block) {
				return last
			}
			if masked(crc32.Checksum(block[6:end], castagnoli)) != sum {
				return false
			}
			block = block[end:]
		}
	}
	return true
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is how a checksum is stored.
func masked(sum uint32) uint32 { return (sum>>15 | sum<<17) + 0xa282ead8 }
