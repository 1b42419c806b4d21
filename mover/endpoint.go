package mover

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// EndpointPolicy says which servers an object-storage location may name, so
// that nobody uses the mover to reach what only this machine can reach.
// Link-local, metadata, multicast and unspecified addresses are always denied.
// The zero value denies nothing else.
type EndpointPolicy struct {
	// Allow decides on any other address, for example loopback and private
	// ones; nil allows all.
	Allow func(netip.Addr) bool
	// Resolve looks a host name up when a location is created or updated; nil
	// leaves names to [EndpointPolicy.Control], which sees what is really dialled.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// CheckAddress refuses an address that must not be dialled.
func (p EndpointPolicy) CheckAddress(addr netip.Addr) error {
	if denied(addr) || (p.Allow != nil && !p.Allow(addr.Unmap().WithZone(""))) {
		return invalid("Endpoint address %s is not allowed.", addr)
	}
	return nil
}

// Control fits net.Dialer.Control: it refuses the connection if the address
// that a name turned out to have is denied. Openers of object-storage
// locations must use it, since a name may change between check and use.
func (p EndpointPolicy) Control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	return p.CheckAddress(ap.Addr())
}

// checkHost refuses a server name or literal address.
func (p EndpointPolicy) checkHost(ctx context.Context, host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		return p.CheckAddress(addr)
	}
	if strings.Contains(host, ":") {
		return invalid("ServerHostname %s must be a host name or an address without a port; the port goes into ServerPort.", host)
	}
	if numeric(host) {
		return invalid("ServerHostname %s is an address in an unusual form; write it as four decimal numbers.", host)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return p.CheckAddress(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	if name == "metadata.google.internal" || name == "instance-data" || name == "metadata" {
		return invalid("Endpoint %s is not allowed.", host)
	}
	if p.Resolve == nil {
		return nil
	}
	addrs, err := p.Resolve(ctx, host)
	if err != nil {
		return invalid("ServerHostname %s cannot be resolved.", host)
	}
	for _, a := range addrs {
		if err := p.CheckAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// numeric says whether some resolver would read host as a number: its last
// label is decimal, octal or hexadecimal (2852039166, 0xa9fea9fe, 169.254.1).
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	digits, hexadecimal := strings.CutPrefix(last, "0x")
	base := 10
	if hexadecimal {
		base = 16
		if digits == "" {
			return true
		}
	}
	for _, r := range digits {
		if _, err := strconv.ParseUint(string(r), base, 8); err != nil {
			return false
		}
	}
	return true
}

// denied says whether addr is link-local, a cloud's metadata service,
// multicast or unspecified, also when wrapped in IPv6.
func denied(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if v4, ok := embedded(addr); ok && denied(v4) {
		return true
	}
	if addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() || !addr.IsValid() {
		return true
	}
	for _, p := range []string{"0.0.0.0/8", "255.255.255.255/32", "100.100.100.200/32", "fd00:ec2::/32", "fec0::/10"} {
		if netip.MustParsePrefix(p).Contains(addr) {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address inside a NAT64, 6to4 or IPv4-compatible address.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr), netip.MustParsePrefix("::/96").Contains(addr) && !addr.IsLoopback():
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
