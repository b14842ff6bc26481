package management

import "crypto/rand"

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// idLength is how many base58 characters 128 bits need.
const idLength = 22

// newID makes an id that nobody has: a prefix and 128 random bits.
func newID(prefix string) string {
	var number [16]byte
	rand.Read(number[:])
	return prefix + encode58(number)
}

// encode58 writes a number, big endian, with always the same length.
func encode58(number [16]byte) string {
	var out [idLength]byte
	for i := idLength - 1; i >= 0; i-- {
		remainder := 0
		for j, digit := range number {
			remainder = remainder<<8 | int(digit)
			number[j] = byte(remainder / 58)
			remainder %= 58
		}
		out[i] = base58[remainder]
	}
	return string(out[:])
}
