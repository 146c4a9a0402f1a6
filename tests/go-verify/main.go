// go-verify DIR: what Go's crypto/x509 says of every certificate in a folder. Each NAME.pem is verified up to the roots of
// NAME.ca (PEM); one line `NAME: error` for each that cannot be parsed or verified, and at the end how many were good.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.pem"))
	if err != nil {
		panic(err)
	}
	good := 0
	for _, file := range files {
		if err := check(file); err != nil {
			fmt.Printf("%s: %v\n", strings.TrimSuffix(filepath.Base(file), ".pem"), err)
		} else {
			good++
		}
	}
	fmt.Printf("good: %d\n", good)
}

func check(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return fmt.Errorf("not one PEM block")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(strings.TrimSuffix(file, ".pem") + ".ca")
	if err != nil {
		return err
	}
	if !roots.AppendCertsFromPEM(ca) {
		return fmt.Errorf("no root")
	}
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}
