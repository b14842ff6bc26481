package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a certificate authority that nobody trusts who is not told to.
type Authority struct {
	// CAFile is its own certificate.
	CAFile string
	// CertFile and KeyFile are those of a client.
	CertFile, KeyFile string

	serverCertificate, serverKey string
}

// NewAuthority makes an authority with its certificates, all valid for the
// loopback interface and an hour.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	dir := t.TempDir()
	ca, key := certify(t, filepath.Join(dir, "authority"), nil, nil)
	certify(t, filepath.Join(dir, "server"), ca, key)
	certify(t, filepath.Join(dir, "client"), ca, key)
	return &Authority{
		CAFile:            filepath.Join(dir, "authority.pem"),
		CertFile:          filepath.Join(dir, "client.pem"),
		KeyFile:           filepath.Join(dir, "client.key"),
		serverCertificate: filepath.Join(dir, "server.pem"),
		serverKey:         filepath.Join(dir, "server.key"),
	}
}

// certify makes a key with a certificate by the issuer; without one it makes an
// issuer.
func certify(t testing.TB, path string, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatalf("making a serial number: %v", err)
	}
	certificate := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: filepath.Base(path)},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost"},
	}
	if issuer == nil {
		certificate.IsCA = true
		certificate.KeyUsage |= x509.KeyUsageCertSign
		issuer, issuerKey = certificate, key
	}
	text, err := x509.CreateCertificate(rand.Reader, certificate, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		t.Fatalf("making a certificate: %v", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("encoding a key: %v", err)
	}
	writePEM(t, path+".pem", "CERTIFICATE", text)
	writePEM(t, path+".key", "PRIVATE KEY", secret)
	return certificate, key
}

func writePEM(t testing.TB, path, kind string, contents []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: contents})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
