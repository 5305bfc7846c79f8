// SPDX-License-Identifier: GPL-2.0-or-later

// TLS sockets of the kernel in Go: net/http over them, without crypto/tls.
//
//	example client ADDRESS:PORT NAME	fetch "/page" of https://NAME/
//	example server ADDRESS:PORT IDENTITY	greet each client
//
// Go calls a Control function for each socket that it makes, before bind or connect: a
// socket that cannot be made a TLS socket is not used.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"syscall"
	"unsafe"
)

// Of <linux/ktls.h>
const (
	tcpULP         = 31
	solTLS         = 282
	ktlsServerName = 64
	ktlsIdentity   = 65
	ktlsError      = 83
)

// enable makes a TLS socket of fd, and sets one option.
func enable(fd, option int, value string) error {
	if err := syscall.SetsockoptString(fd, syscall.IPPROTO_TCP, tcpULP, "ktls"); err != nil {
		return os.NewSyscallError("TCP_ULP", err)
	}
	return os.NewSyscallError("setsockopt", syscall.SetsockoptString(fd, solTLS, option, value))
}

// reason returns KTLS_ERROR, which package syscall has no function to read.
func reason(fd int) string {
	var text [256]byte
	size := uint32(len(text))
	_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), solTLS, ktlsError,
		uintptr(unsafe.Pointer(&text)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return ""
	}
	return string(text[:size])
}

// sockets has a second descriptor of the last socket: Go closes its own when connect or
// listen fails, and the reason would be lost. As long as this one is open the connection
// is, too: close it at once.
type sockets struct {
	option int
	value  string
	last   int
}

func (s *sockets) control(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		s.close()
		if failed = enable(int(fd), s.option, s.value); failed == nil {
			s.last, failed = syscall.Dup(int(fd))
			syscall.CloseOnExec(s.last)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

func (s *sockets) close() {
	if s.last >= 0 {
		syscall.Close(s.last)
	}
	s.last = -1
}

func (s *sockets) explain(err error) error {
	if s.last >= 0 {
		if why := reason(s.last); why != "" {
			return fmt.Errorf("%w: %s", err, why)
		}
	}
	return err
}

// dial connects; the other end is name, or there is no connection.
func dial(ctx context.Context, address, name string) (net.Conn, error) {
	s := sockets{ktlsServerName, name, -1}
	defer s.close()
	// No second address beside the first: control keeps one socket.
	d := net.Dialer{Control: s.control, FallbackDelay: -1}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, s.explain(err)
	}
	return conn, nil
}

// listen returns a listener whose Accept returns finished TLS connections.
func listen(address, identity string) (net.Listener, error) {
	s := sockets{ktlsIdentity, identity, -1}
	defer s.close()
	lc := net.ListenConfig{Control: s.control}
	// Since Go 1.24 listeners are of MPTCP, which has no ULPs.
	if m, ok := any(&lc).(interface{ SetMultipathTCP(bool) }); ok {
		m.SetMultipathTCP(false)
	}
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, s.explain(err)
	}
	return l, nil
}

func client(address, name string) error {
	// The scheme is "http" because TLS is below the connection.
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, address, name)
		},
	}}
	answer, err := client.Get("http://" + name + "/page")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

func server(address, identity string) error {
	l, err := listen(address, identity)
	if err != nil {
		return err
	}
	log.Print("serving at ", l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello over TLS, %s\n", r.URL.Path)
	}))
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: example client|server ADDRESS:PORT NAME|IDENTITY")
	}
	run := map[string]func(_, _ string) error{"client": client, "server": server}[os.Args[1]]
	if run == nil {
		log.Fatal("client or server, not ", os.Args[1])
	}
	if err := run(os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}
