package main

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// checkAddress accepts addresses with a port from 0 to 65535 and returns the host.
func checkAddress(addr string) (host string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%q is not an address: write 127.0.0.1:7700", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q has no port from 0 to 65535", addr)
	}
	return host, nil
}

// checkListen accepts loopback addresses with a port from 0 to 65535.
func checkListen(addr string) error {
	host, err := checkAddress(addr)
	if err != nil {
		return err
	}
	if !isLoopback(host) {
		return fmt.Errorf("%q is not a loopback address; only a server's console may listen on others, with access.tls", addr)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// isWebAddress reports whether s is an http or https URL with a host.
func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// checkLocation accepts the schemes that have a driver and refuses the others by name.
func checkLocation(location string) error {
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return fmt.Errorf("%q is not a location: write s3://bucket/prefix/ or file:///folder", location)
	}
	switch scheme {
	case "s3":
		if bucket, _, _ := strings.Cut(rest, "/"); len(bucket) < 3 {
			return fmt.Errorf("%q has no bucket name of at least 3 characters", location)
		}
	case "file":
		if !filepath.IsAbs(filepath.FromSlash(rest)) {
			return fmt.Errorf("%q must name an absolute folder: file:///srv/filer", location)
		}
	case "nfs", "smb", "hdfs", "azure-blob", "object-storage":
		return fmt.Errorf("%s:// locations are not built yet in the self-hosted edition; use s3:// or file://", scheme)
	default:
		return fmt.Errorf("%q has an unknown scheme; use s3:// or file://", location)
	}
	return nil
}
