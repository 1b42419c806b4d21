package main

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/cli"
)

// endpointsFile and keysFile are names in the data folder, both mode 0600.
const (
	endpointsFile = "endpoints.json"
	keysFile      = "keys.json"
)

// accessKey is one credential of this server: an AWS key pair for the AWS
// protocols and a bearer token for the console.
type accessKey struct {
	Name            string `json:"name"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Token           string `json:"token"`
	// Scopes are producer, viewer, operator, admin.
	Scopes []string `json:"scopes"`
}

// keyring is keys.json.
type keyring struct {
	SchemaVersion int         `json:"schema_version"`
	Keys          []accessKey `json:"keys"`
	// Tokens were made with hikyaku token create; of them only digests are kept.
	Tokens []tokenRecord `json:"tokens,omitempty"`
}

// loadKeys reads the keys of a data folder, or makes one key per scope set at
// first start.
func loadKeys(data string) (keyring, error) {
	path := filepath.Join(data, keysFile)
	text, err := os.ReadFile(path) //nolint:gosec // in our own data folder
	if errors.Is(err, fs.ErrNotExist) {
		ring := keyring{SchemaVersion: 1}
		for _, scope := range []string{"admin", "operator", "viewer", "producer"} {
			ring.Keys = append(ring.Keys, newKey(scope))
		}
		return ring, writePrivate(path, ring)
	}
	var ring keyring
	if err == nil {
		err = json.Unmarshal(text, &ring)
	}
	if err == nil && len(ring.Keys) == 0 {
		err = errors.New("holds no keys")
	}
	if err != nil {
		return ring, fmt.Errorf("read keys %s: %w; restore the file, or move it away to have new keys made", path, err)
	}
	return ring, nil
}

// newKey makes a random key. Its ID has the length and letters of an AWS
// access key ID, so that every SDK takes it.
func newKey(scope string) accessKey {
	letters := func(n int) string {
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails since Go 1.24
		return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)[:n]
	}
	return accessKey{
		Name: scope, AccessKeyID: "AKIA" + letters(16), SecretAccessKey: strings.ToLower(letters(40)),
		Token: "hky_" + strings.ToLower(letters(40)), Scopes: []string{scope},
	}
}

// admin returns the key the server itself and its owner use.
func (r keyring) admin() accessKey {
	for _, k := range r.Keys {
		if slices.Contains(k.Scopes, "admin") {
			return k
		}
	}
	return r.Keys[0]
}

// byID returns the key with an access key ID.
func (r keyring) byID(id string) (accessKey, bool) {
	for _, k := range r.Keys {
		if k.AccessKeyID == id {
			return k, true
		}
	}
	return accessKey{}, false
}

// forgetEndpoints removes endpoints.json, so that whoever waits for it never
// takes what an earlier server left behind for the one that starts.
func forgetEndpoints(data string) error {
	if err := os.Remove(filepath.Join(data, endpointsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the endpoints of an earlier server: %w", err)
	}
	return nil
}

// writePrivate writes v as JSON under a temporary name and renames it, mode
// 0600 from the start.
func writePrivate(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // in our own data folder
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// readEndpoints reads the endpoints of the server that runs on data.
func readEndpoints(data string) (cli.Endpoints, error) {
	var e cli.Endpoints
	text, err := os.ReadFile(filepath.Join(data, endpointsFile)) //nolint:gosec // the folder the user named
	if err != nil {
		return e, fmt.Errorf("no server is known in %s: %w; start one with: hikyaku serve --data %s", data, err, data)
	}
	if err = json.Unmarshal(text, &e); err == nil && (e.Console == "" || e.API == "" || e.AccessKeyID == "") {
		err = errors.New("addresses or keys are missing")
	}
	if err != nil {
		return cli.Endpoints{}, fmt.Errorf("read %s: %w; the server writes it anew when it starts", filepath.Join(data, endpointsFile), err)
	}
	return e, nil
}
