package main

// This file gives a module listening TCP sockets, which wazero opens and pre-opens for the
// guest behind its folders, and finds out where they listen: wazero does not tell, so they
// are asked for their addresses in the guest's table of files.

import (
	"context"
	"net"
	"reflect"
	"strings"

	"github.com/tetratelabs/wazero/experimental/sock"
)

// listener is wz_listener.
type listener struct {
	host    string
	port    int
	address *net.TCPAddr // once it listens
}

// withListeners has the module that is instantiated with ctx listen.
func (c *moduleConfig) withListeners(ctx context.Context) context.Context {
	config := sock.NewConfig()
	for _, l := range c.listeners {
		host := l.host
		if strings.Contains(host, ":") {
			host = "[" + host + "]" // wazero puts a colon and the port behind it
		}
		config = config.WithTCPListener(host, l.port)
	}
	return sock.WithConfig(ctx, config)
}

// findAddresses fills in where the listeners of a new module listen.
func (c *moduleConfig) findAddresses(m *wasmModule) (f *failure) {
	if len(c.listeners) == 0 {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			f = internal("wazero's sockets are not as expected: %v", r)
		}
	}()
	files := reflect.ValueOf(m.Module).Elem().FieldByName("Sys").MethodByName("FS").Call(nil)[0]
	lookup := files.MethodByName("LookupFile")
	for i, number := 0, int32(3); i < len(c.listeners); number++ { // behind the standard streams
		found := lookup.Call([]reflect.Value{reflect.ValueOf(number)})
		file := found[0].Elem().FieldByName("File").Interface()
		if socket, ok := file.(interface{ Addr() *net.TCPAddr }); ok { // no folder
			c.listeners[i].address = socket.Addr()
			i++
		}
	}
	return nil
}

// hostOf is an address without its port.
func hostOf(address *net.TCPAddr) string {
	return (&net.IPAddr{IP: address.IP, Zone: address.Zone}).String()
}
