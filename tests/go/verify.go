// What Go's crypto/x509 and crypto/tls say of certificates, keys and revocation lists, for the tests.
//
//	verify chain USAGE ROOTS INTERMEDIATES CERT [NAME...]   verifies a chain, for each name (USAGE: server client ca any)
//	verify pair CERT KEY                                   loads both as a TLS server does
//	verify crl CRL CA                                      checks a list's signature; prints it
//	verify dump CERT [ISSUER]                              prints every field; key identifiers as right or wrong
//	verify match FILE                                      for each [PATTERN, TEXT...] in JSON: error, or y and n
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"regexp"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(mode string, args []string) error {
	switch mode {
	case "chain":
		return chain(args[0], args[1], args[2], args[3], args[4:])
	case "pair":
		_, err := tls.LoadX509KeyPair(args[0], args[1])
		return err
	case "crl":
		return crl(args[0], args[1])
	case "dump":
		return dump(args)
	case "match":
		return match(args[0])
	}
	return fmt.Errorf("unknown mode %q", mode)
}

func certificates(path string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, certificate)
	}
}

func pool(path string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if path == "-" {
		return pool, nil
	}
	all, err := certificates(path)
	for _, certificate := range all {
		pool.AddCert(certificate)
	}
	return pool, err
}

func chain(usage, roots, intermediates, path string, names []string) error {
	usages := map[string]x509.ExtKeyUsage{
		"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth, "any": x509.ExtKeyUsageAny, "ca": x509.ExtKeyUsageAny,
	}
	all, err := certificates(path)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{usages[usage]}}
	if options.Roots, err = pool(roots); err != nil {
		return err
	}
	if options.Intermediates, err = pool(intermediates); err != nil {
		return err
	}
	if usage == "ca" && !(all[0].IsCA && all[0].KeyUsage&x509.KeyUsageCertSign != 0) {
		return fmt.Errorf("%s is no CA", path)
	}
	if _, err := all[0].Verify(options); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range names {
		if err := all[0].VerifyHostname(name); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func crl(path, ca string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if block, _ := pem.Decode(text); block != nil {
		text = block.Bytes
	}
	list, err := x509.ParseRevocationList(text)
	if err != nil {
		return err
	}
	issuer, err := certificates(ca)
	if err != nil {
		return err
	}
	if err := list.CheckSignatureFrom(issuer[0]); err != nil {
		return err
	}
	fmt.Println("number", list.Number)
	for _, entry := range list.RevokedCertificateEntries {
		fmt.Println("revoked", entry.SerialNumber, entry.ReasonCode)
	}
	return nil
}

func dump(args []string) error {
	all, err := certificates(args[0])
	if err != nil {
		return err
	}
	c, issuer := all[0], all[0]
	if len(args) > 1 {
		issuers, err := certificates(args[1])
		if err != nil {
			return err
		}
		issuer = issuers[0]
	}
	fmt.Println("version", c.Version)
	fmt.Println("serial positive", c.SerialNumber.Sign() > 0, "short enough", c.SerialNumber.BitLen() < 160)
	fmt.Println("signature", c.SignatureAlgorithm)
	fmt.Println("key", c.PublicKeyAlgorithm, size(c))
	fmt.Printf("subject %x\n", c.RawSubject)
	fmt.Printf("issuer %x\n", c.RawIssuer)
	fmt.Println("life", c.NotAfter.Unix()-c.NotBefore.Unix())
	fmt.Println("whole minutes", c.NotBefore.Second() == 0)
	for _, e := range c.Extensions {
		value := fmt.Sprintf("%x", e.Value)
		switch e.Id.String() {
		case "2.5.29.14":
			value = keyID(c.SubjectKeyId, c)
		case "2.5.29.35":
			value = keyID(c.AuthorityKeyId, issuer)
		}
		fmt.Println("extension", e.Id, e.Critical, value)
	}
	fmt.Println("begins", c.NotBefore.Unix())
	return nil
}

// keyID says whether an identifier is the SHA-1 of a certificate's key.
func keyID(id []byte, of *x509.Certificate) string {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(of.RawSubjectPublicKeyInfo, &info); err != nil {
		return err.Error()
	}
	sum := sha1.Sum(info.Key.Bytes)
	if bytes.Equal(id, sum[:]) {
		return "right"
	}
	return fmt.Sprintf("wrong %x", id)
}

func size(c *x509.Certificate) int {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize
	}
	return 0
}

func match(path string) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var lines [][]string
	if err := json.Unmarshal(file, &lines); err != nil {
		return err
	}
	for _, line := range lines {
		pattern, err := regexp.Compile(line[0])
		if err != nil {
			fmt.Println("error")
			continue
		}
		for _, text := range line[1:] {
			if pattern.MatchString(text) {
				fmt.Print("y")
			} else {
				fmt.Print("n")
			}
		}
		fmt.Println()
	}
	return nil
}
