// SPDX-License-Identifier: GPL-2.0-or-later

// The peer with Go's crypto/tls: "peer server ADDRESS" answers each request with a page,
// "peer client ADDRESS" asks for one, twice if it is to resume, and prints the answers.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

var (
	version = flag.String("version", "1.3", "the only TLS version")
	cert    = flag.String("cert", "", "certificate, PEM")
	key     = flag.String("key", "", "its private key, PEM")
	ca      = flag.String("ca", "", "trust anchors, PEM")
	mutual  = flag.Bool("mutual", false, "server: demand a certificate")
	alpn    = flag.String("alpn", "", "application protocol")
	page    = flag.String("page", "", "server: file with the answer")
	count   = flag.Int("count", 1, "client: connections, each but the first resumed")
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func config() *tls.Config {
	number := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[*version]
	c := &tls.Config{MinVersion: number, MaxVersion: number, ServerName: "server.test",
		ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	pem, err := os.ReadFile(*ca)
	must(err)
	c.RootCAs = x509.NewCertPool()
	c.RootCAs.AppendCertsFromPEM(pem)
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		must(err)
		c.Certificates = []tls.Certificate{pair}
	}
	if *mutual {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = c.RootCAs
	}
	if *alpn != "" {
		c.NextProtos = strings.Split(*alpn, ",")
	}
	return c
}

func answer(c *tls.Conn, page []byte) {
	defer c.Close()
	buf := make([]byte, 4096)
	if n, err := c.Read(buf); err != nil || n == 0 {
		log.Print(err)
		return
	}
	fmt.Fprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n", len(page))
	c.Write(page)
	s := c.ConnectionState()
	log.Printf("resumed=%v alpn=%q clients=%d", s.DidResume, s.NegotiatedProtocol,
		len(s.PeerCertificates))
}

func serve(address string) {
	text, err := os.ReadFile(*page)
	must(err)
	l, err := tls.Listen("tcp", address, config())
	must(err)
	for {
		c, err := l.Accept()
		must(err)
		go answer(c.(*tls.Conn), text)
	}
}

func ask(address string, c *tls.Config) {
	conn, err := tls.Dial("tcp", address, c)
	must(err)
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	text, err := io.ReadAll(conn)
	must(err)
	conn.Close()
	os.Stdout.Write(text)
	s := conn.ConnectionState()
	fmt.Printf("\nresumed=%v alpn=%q\n", s.DidResume, s.NegotiatedProtocol)
}

func main() {
	role, address := os.Args[1], os.Args[2]
	must(flag.CommandLine.Parse(os.Args[3:]))
	if role == "server" {
		serve(address)
	}
	c := config()
	for i := 0; i < *count; i++ {
		ask(address, c)
	}
}
