// Says what Go's own verifier thinks of a certificate: golint CA.der LEAF.der HOST.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	if err := verify(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func verify(caFile, leafFile, host string) error {
	ca, err := parse(caFile)
	if err != nil {
		return fmt.Errorf("CA: %w", err)
	}
	leaf, err := parse(leafFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: usages})
	return err
}

func parse(file string) (*x509.Certificate, error) {
	der, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
