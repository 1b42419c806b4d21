package mover

import (
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// idDigits is how many hexadecimal digits follow "task-", "loc-", ….
const idDigits = 17

// minter makes ARNs of one account and Region.
type minter struct {
	prefix string
	rand   io.Reader
}

func newMinter(partition, region, account string, rand io.Reader) (minter, error) {
	if !regexp.MustCompile(`^[0-9]{12}$`).MatchString(account) {
		return minter{}, fmt.Errorf("account %q is not 12 digits", account)
	}
	if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(region) {
		return minter{}, fmt.Errorf("region %q is not a region name", region)
	}
	return minter{prefix: "arn:" + partition + ":datasync:" + region + ":" + account + ":", rand: rand}, nil
}

// mint returns prefix + middle + 17 random hexadecimal digits.
func (m minter) mint(middle string) (string, error) {
	var b [(idDigits + 1) / 2]byte
	if _, err := io.ReadFull(m.rand, b[:]); err != nil {
		return "", internal("make an id", err)
	}
	return middle + hex.EncodeToString(b[:])[:idDigits], nil
}

func (m minter) agent() (string, error)    { return m.mint(m.prefix + "agent/agent-") }
func (m minter) location() (string, error) { return m.mint(m.prefix + "location/loc-") }
func (m minter) task() (string, error)     { return m.mint(m.prefix + "task/task-") }
func (m minter) execution(task string) (string, error) {
	return m.mint(task + "/execution/exec-")
}

// owned refuses an ARN that is not of this account's DataSync.
func (m minter) owned(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	own := strings.SplitN(m.prefix, ":", 6)
	if len(parts) < 6 || parts[2] != "datasync" || parts[4] != own[4] {
		account := ""
		if len(parts) >= 6 && parts[2] == "datasync" {
			account = parts[4]
		}
		return invalid("Invalid parameter: ARN account (%s) must match authenticated user.", account)
	}
	return nil
}
