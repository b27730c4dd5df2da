package main

import (
	"net"
	"strconv"
	"testing"
)

func TestListeners(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		config := &moduleConfig{
			mounts:    []mount{{host: t.TempDir(), guest: "/"}},
			listeners: []listener{{host: "127.0.0.1"}, {host: "::1"}},
		}
		g := newWasiGuest(t, r, config)
		for i, host := range []string{"127.0.0.1", "::1"} {
			address := config.listeners[i].address
			if hostOf(address) != host || address.Port == 0 {
				t.Error(address)
			}
			connection, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(address.Port)))
			if err != nil {
				t.Fatal(err)
			}
			_ = connection.Close()
		}
		moduleClose(g.module, 0)
		if connection, err := net.Dial("tcp", config.listeners[0].address.String()); err == nil {
			t.Error("it still listens")
			_ = connection.Close()
		}
		moduleRelease(g.module)
	})
}

func TestListenerThatCannotListen(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		other, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		compiled, f := runtimeCompile(r, &compileTask{binary: (&binaryModule{}).bytes()})
		must(t, compiled, f)
		_, f = moduleNew(r, compiled, &moduleConfig{
			listeners: []listener{{host: "127.0.0.1", port: other.Addr().(*net.TCPAddr).Port}},
		})
		fails(t, f, errorInvalid, "address already in use")
		compiledClose(compiled)
	})
}
