// Package device works out what kind of device, browser and platform sent a
// request, from its User-Agent and its Client Hints. Every answer is a word of a
// small closed vocabulary, whatever the client sends.
package device
