package mover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

func TestService_CreateLocationS3(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	type place struct{ Bucket, Sub string }
	for in, want := range map[place]string{
		{"arn:aws:s3:::b", ""}:                "s3://b/",
		{"arn:aws:s3:::b", "/"}:               "s3://b/",
		{"arn:aws:s3:::b", "/a/b/"}:           "s3://b/a/b/",
		{"arn:aws-cn:s3:::b.c", "a b"}:        "s3://b.c/a b/",
		{"arn:aws:s3:::b", "a//b"}:            "!must not hold",
		{"arn:aws:s3:::b", "../b"}:            "!must not hold",
		{"arn:aws:sqs:::b", ""}:               "!not a bucket",
		{"arn:aws:s3:::missing", ""}:          "!DataSync location access test failed: could not perform s3:ListObjectsV2 on bucket missing",
		{"arn:aws:s3:::broken", ""}:           "!DataSync location access test failed: could not perform s3:ListObjectsV2 on bucket broken",
		{"arn:aws:s3:eu:1:accesspoint/b", ""}: "!not supported",
	} {
		arn, err := s.CreateLocationS3(t.Context(), mover.S3Input{BucketARN: in.Bucket, Subdirectory: in.Sub, RoleARN: role})
		if fragment, bad := strings.CutPrefix(want, "!"); bad {
			refused(t, err, mover.Invalid, fragment)
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", in, err)
			continue
		}
		if l, err := s.DescribeLocation(t.Context(), arn, mover.TypeS3); err != nil || l.URI() != want || l.StorageClass != "STANDARD" {
			t.Errorf("%+v = %s %+v, %v, want %s", in, l.URI(), l, err, want)
		}
	}
	_, err := s.CreateLocationS3(t.Context(), mover.S3Input{BucketARN: "arn:aws:s3:::b", AgentARNs: []string{"arn:x:agent/agent-1"}})
	refused(t, err, mover.NotFound, "does not exist")
}

func TestService_CreateLocationObjectStorage(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	base := mover.ObjectStorageInput{Server: "s3.example.com", Bucket: "bkt", Subdirectory: "x", AccessKey: "key", SecretKey: mover.NewSecret("hunter2")}
	for name, c := range map[string]struct {
		change func(*mover.ObjectStorageInput)
		want   string
	}{
		"default":      {func(*mover.ObjectStorageInput) {}, "object-storage://s3.example.com/bkt/x/"},
		"port":         {func(i *mover.ObjectStorageInput) { i.Port = 9000 }, "object-storage://s3.example.com:9000/bkt/x/"},
		"http":         {func(i *mover.ObjectStorageInput) { i.Protocol = "HTTP"; i.Port = 80 }, "object-storage://s3.example.com/bkt/x/"},
		"ipv6":         {func(i *mover.ObjectStorageInput) { i.Server = "2001:db8::1" }, "object-storage://[2001:db8::1]/bkt/x/"},
		"protocol":     {func(i *mover.ObjectStorageInput) { i.Protocol = "FTP" }, "!ServerProtocol"},
		"half a key":   {func(i *mover.ObjectStorageInput) { i.SecretKey = mover.Secret{} }, "!together"},
		"cert on http": {func(i *mover.ObjectStorageInput) { i.Protocol, i.Certificate = "HTTP", []byte("x") }, "!HTTPS only"},
		"no cert":      {func(i *mover.ObjectStorageInput) { i.Certificate = []byte("x") }, "!no PEM"},
		"metadata":     {func(i *mover.ObjectStorageInput) { i.Server = "169.254.169.254" }, "!not allowed"},
	} {
		in := base
		c.change(&in)
		arn, err := s.CreateLocationObjectStorage(t.Context(), in)
		if fragment, bad := strings.CutPrefix(c.want, "!"); bad {
			refused(t, err, mover.Invalid, fragment)
			continue
		}
		if l, err2 := s.Location(t.Context(), arn); err != nil || err2 != nil || l.URI() != c.want || l.SecretKey.Reveal() != "hunter2" {
			t.Errorf("%s: %s, %v, %v, want %s", name, l.URI(), err, err2, c.want)
		}
	}
}

func TestService_UpdateLocation(t *testing.T) {
	t.Parallel()
	store, opener := &movertest.Memory{}, &movertest.Opener{}
	s := movertest.Start(t, mover.Config{Store: store, Open: opener.Open})
	task := pair(t, s, mover.Options{})
	d, err := s.DescribeTask(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		ended(t, s, start(t, s, task, ""))
	}
	if n := len(opener.Opened()); n != 2 {
		t.Errorf("%d drivers opened for two locations and five runs, want 2", n)
	}
	if err := s.UpdateLocationS3(t.Context(), mover.UpdateS3Input{ARN: d.SourceARN, Subdirectory: new("new/place")}); err != nil {
		t.Fatal(err)
	}
	ended(t, s, start(t, s, task, ""))
	last := opener.Opened()[len(opener.Opened())-1]
	if last.URI() != "s3://from/new/place/" || last.RoleARN != role {
		t.Errorf("opened %s with role %s after the update", last.URI(), last.RoleARN)
	}
	if opener.Closed() != 2 { // the trial's and the old one
		t.Errorf("%d drivers closed, want 2", opener.Closed())
	}
	refused(t, s.DeleteLocation(t.Context(), d.SourceARN), mover.Conflict, "in use by task(s) task-")
	if err := s.DeleteTask(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteLocation(t.Context(), d.SourceARN); err != nil {
		t.Error(err)
	}
	refused(t, s.DeleteLocation(t.Context(), d.SourceARN), mover.NotFound, "not found")

	object, err := s.CreateLocationObjectStorage(t.Context(), mover.ObjectStorageInput{Server: "a.example", Bucket: "bkt"})
	if err != nil {
		t.Fatal(err)
	}
	update := mover.UpdateObjectStorageInput{ARN: object, Protocol: new("HTTP"), Server: new("b.example"), AccessKey: new("k"), SecretKey: new(mover.NewSecret("s"))}
	if err := s.UpdateLocationObjectStorage(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	if l, err := s.Location(t.Context(), object); err != nil || l.Port != 80 || l.Server != "b.example" || l.SecretKey.Reveal() != "s" {
		t.Errorf("updated location = %+v, %v", l, err)
	}
	refused(t, s.UpdateLocationObjectStorage(t.Context(), mover.UpdateObjectStorageInput{ARN: object, AgentARNs: []string{"x"}}), mover.Invalid, "cannot be changed")
	refused(t, s.UpdateLocationObjectStorage(t.Context(), mover.UpdateObjectStorageInput{ARN: object, Server: new("0xa9fea9fe")}), mover.Invalid, "unusual form")
	refused(t, s.UpdateLocationS3(t.Context(), mover.UpdateS3Input{ARN: object}), mover.Invalid, "OBJECT_STORAGE")
}

func TestService_EnsureFileLocation(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Store: store})
	dir := t.TempDir()
	first, err := s.EnsureFileLocation(t.Context(), dir, mover.FileOptions{Tags: map[string]string{"route": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	s = movertest.Start(t, mover.Config{Store: store})
	second, err := s.EnsureFileLocation(t.Context(), filepath.Join(dir, "x", ".."), mover.FileOptions{})
	if err != nil || second != first {
		t.Errorf("second location = %s, %v, want %s", second, err, first)
	}
	_, err = s.DescribeLocation(t.Context(), first, mover.TypeS3)
	refused(t, err, mover.Invalid, "folder")
	list, _, err := s.ListLocations(t.Context(), []mover.ListFilter{{Name: "LocationType", Operator: "Equals", Values: []string{"FILE"}}}, mover.Page{})
	if err != nil || len(list) != 1 || list[0].URI() != "file://"+dir+"/" || list[0].Tags["route"] != "a" {
		t.Errorf("locations = %+v, %v", list, err)
	}
}

func TestEndpointPolicy(t *testing.T) {
	t.Parallel()
	public := mover.EndpointPolicy{Allow: func(a netip.Addr) bool { return !a.IsLoopback() && !a.IsPrivate() }}
	resolving := mover.EndpointPolicy{Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "rebind.example" {
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("169.254.169.254")}, nil
		}
		return nil, fmt.Errorf("no such host")
	}}
	for _, c := range []struct {
		policy  mover.EndpointPolicy
		host    string
		allowed bool
	}{
		{mover.EndpointPolicy{}, "s3.example.com", true},
		{mover.EndpointPolicy{}, "127.0.0.1", true},
		{mover.EndpointPolicy{}, "localhost", true},
		{mover.EndpointPolicy{}, "10.0.0.1", true},
		{mover.EndpointPolicy{}, "2001:db8::5", true},
		{mover.EndpointPolicy{}, "0x7f.example", true},
		{mover.EndpointPolicy{}, "169.254.169.254", false},
		{mover.EndpointPolicy{}, "169.254.0.1", false},
		{mover.EndpointPolicy{}, "2852039166", false},
		{mover.EndpointPolicy{}, "0xa9fea9fe", false},
		{mover.EndpointPolicy{}, "0xA9.0xFE.0xA9.0xFE", false},
		{mover.EndpointPolicy{}, "0251.0376.0251.0376", false},
		{mover.EndpointPolicy{}, "169.254.43518", false},
		{mover.EndpointPolicy{}, "169.254.169.254.", false},
		{mover.EndpointPolicy{}, "127.1", false},
		{mover.EndpointPolicy{}, "0", false},
		{mover.EndpointPolicy{}, "0.0.0.0", false},
		{mover.EndpointPolicy{}, "255.255.255.255", false},
		{mover.EndpointPolicy{}, "224.0.0.1", false},
		{mover.EndpointPolicy{}, "100.100.100.200", false},
		{mover.EndpointPolicy{}, "fe80::1", false},
		{mover.EndpointPolicy{}, "::ffff:169.254.169.254", false},
		{mover.EndpointPolicy{}, "64:ff9b::a9fe:a9fe", false},
		{mover.EndpointPolicy{}, "2002:a9fe:a9fe::1", false},
		{mover.EndpointPolicy{}, "::a9fe:a9fe", false},
		{mover.EndpointPolicy{}, "::", false},
		{mover.EndpointPolicy{}, "fd00:ec2::254", false},
		{mover.EndpointPolicy{}, "metadata.google.internal", false},
		{mover.EndpointPolicy{}, "Metadata.Google.Internal.", false},
		{mover.EndpointPolicy{}, "127.0.0.1:80", false},
		{public, "127.0.0.1", false},
		{public, "::1", false},
		{public, "::ffff:127.0.0.1", false},
		{public, "localhost", false},
		{public, "x.localhost", false},
		{public, "10.0.0.1", false},
		{public, "192.0.2.1", true},
		{resolving, "rebind.example", false},
		{resolving, "unknown.example", false},
	} {
		s := movertest.Start(t, mover.Config{Endpoints: c.policy})
		_, err := s.CreateLocationObjectStorage(t.Context(), mover.ObjectStorageInput{Server: c.host, Bucket: "bkt"})
		if (err == nil) != c.allowed {
			t.Errorf("%s: %v, want allowed = %v", c.host, err, c.allowed)
		}
	}
	for address, allowed := range map[string]bool{"192.0.2.1:443": true, "169.254.169.254:80": false, "[fe80::1%eth0]:80": false, "10.1.1.1:1": false, "x": false} {
		if err := public.Control("tcp", address, nil); (err == nil) != allowed {
			t.Errorf("Control(%s) = %v, want allowed = %v", address, err, allowed)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	l := mover.Location{ARN: "l", SecretKey: mover.NewSecret("hunter2")}
	encoded, err := json.Marshal(map[string]mover.Secret{"s": l.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("secret", l.SecretKey), slog.Any("location", l))
	for _, shown := range []string{
		fmt.Sprint(l), fmt.Sprintf("%v %+v %#v %s %q %x %d", l, l, l, l.SecretKey, l.SecretKey, l.SecretKey, l.SecretKey),
		string(encoded), log.String(), l.SecretKey.String(),
	} {
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, "68756e74657232") {
			t.Errorf("the secret shows in %s", shown)
		}
	}
}

func TestService_ListLocations(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	var all []string
	for n := range 7 {
		arn, err := s.CreateLocationS3(t.Context(), mover.S3Input{BucketARN: fmt.Sprintf("arn:aws:s3:::bucket-%d", n), RoleARN: role})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, arn)
	}
	slices.Sort(all)
	var got []string
	page := mover.Page{Max: 3}
	for pages := 1; ; pages++ {
		found, next, err := s.ListLocations(t.Context(), nil, page)
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, l := range found {
			got = append(got, l.ARN)
		}
		if page.Token = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("pages hold %v, want %v", got, all)
	}
	for _, token := range []string{"x", "!", "dGFza3M6eA", "bG9jYXRpb25zOg"} {
		_, _, err := s.ListLocations(t.Context(), nil, mover.Page{Token: token})
		refused(t, err, mover.Invalid, "NextToken")
	}
	for _, c := range []struct {
		filter mover.ListFilter
		want   int
		bad    string
	}{
		{mover.ListFilter{Name: "LocationUri", Operator: "Equals", Values: []string{"s3://bucket-1/", "s3://bucket-2/"}}, 2, ""},
		{mover.ListFilter{Name: "LocationUri", Operator: "NotEquals", Values: []string{"s3://bucket-1/", "s3://bucket-2/"}}, 5, ""},
		{mover.ListFilter{Name: "LocationUri", Operator: "Contains", Values: []string{"-3"}}, 1, ""},
		{mover.ListFilter{Name: "LocationUri", Operator: "NotContains", Values: []string{"-3"}}, 6, ""},
		{mover.ListFilter{Name: "LocationUri", Operator: "BeginsWith", Values: []string{"s3://bucket"}}, 7, ""},
		{mover.ListFilter{Name: "LocationType", Operator: "In", Values: []string{"SMB", "S3"}}, 7, ""},
		{mover.ListFilter{Name: "CreationTime", Operator: "GreaterThan", Values: []string{"2019-12-15 17:15:20"}}, 7, ""},
		{mover.ListFilter{Name: "CreationTime", Operator: "LessThanOrEqual", Values: []string{"2019-12-15:17:15:20"}}, 0, ""},
		{mover.ListFilter{Name: "CreationTime", Operator: "Contains", Values: []string{"2019"}}, 0, "Operator"},
		{mover.ListFilter{Name: "CreationTime", Operator: "Equals", Values: []string{"yesterday"}}, 0, "CreationTime must"},
		{mover.ListFilter{Name: "LocationUri", Operator: "LessThan", Values: []string{"x"}}, 0, "Operator"},
		{mover.ListFilter{Name: "Size", Operator: "Equals", Values: []string{"x"}}, 0, "filter name"},
		{mover.ListFilter{Name: "LocationUri", Operator: "Equals"}, 0, "no values"},
	} {
		found, _, err := s.ListLocations(t.Context(), []mover.ListFilter{c.filter}, mover.Page{})
		if c.bad != "" {
			refused(t, err, mover.Invalid, c.bad)
		} else if err != nil || len(found) != c.want {
			t.Errorf("%+v finds %d, %v, want %d", c.filter, len(found), err, c.want)
		}
	}
}
